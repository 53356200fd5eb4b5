import { findCondition, Nodes } from 'orlop/plugin';
import t from 'tap';
import { eventually } from '../../cluster.ts';
import { nodeCluster } from './cluster.ts';

t.test(
  'a node that was given up for dead reports with its next heartbeat',
  { timeout: 120_000 },
  async (t) => {
    const { kernel } = await nodeCluster(t);
    await kernel.objects.modify(Nodes, { name: 'n1' }, (draft) => {
      for (const condition of draft.status!.conditions!) condition.status = 'Unknown';
    });
    // Heartbeats are 10 s apart; the status alone would be written once a minute.
    const ready = await eventually(
      'it is ready again',
      async () => {
        const node = await kernel.objects.get(Nodes, { name: 'n1' });
        const condition = findCondition(node?.value.status?.conditions, 'Ready');
        return condition?.status === 'True' ? condition : undefined;
      },
      25_000,
    );
    t.equal(ready.type, 'Ready');
  },
);
