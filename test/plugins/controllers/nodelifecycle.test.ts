import type { Node, Pod, Taint, Toleration } from 'orlop/plugin';
import t from 'tap';
import { evictionTime } from '../../../plugins/controllers/nodelifecycle/eviction.ts';
import { silentConditions, taintsFor } from '../../../plugins/controllers/nodelifecycle/health.ts';
import { Heartbeats } from '../../../plugins/controllers/nodelifecycle/heartbeats.ts';

const NOW = new Date('2030-01-01T00:00:00Z');

function node(ready: string, extra: Partial<Node['spec']> = {}): Node {
  return {
    metadata: { name: 'n' },
    spec: extra,
    status: { conditions: [{ type: 'Ready', status: ready, lastHeartbeatTime: '2029-12-31T23:59:00Z' }] },
  };
}

function pod(...tolerations: Toleration[]): Pod {
  return { metadata: { name: 'p' }, spec: { containers: [], tolerations } };
}

t.test('a sign of life is a change, on the observer’s clock', async (t) => {
  const heartbeats = new Heartbeats();
  t.equal(heartbeats.silence('n', 1_000), 0, 'the first look starts the clock');
  t.equal(heartbeats.silence('n', 41_000), 40_000);
  const lease = { metadata: { name: 'n' }, spec: { renewTime: '1999-01-01T00:00:00.000000Z' } };
  heartbeats.lease(lease, 41_000);
  t.equal(heartbeats.silence('n', 42_000), 1_000, 'whatever time it carries');
  heartbeats.lease(lease, 50_000);
  t.equal(heartbeats.silence('n', 50_000), 9_000, 'the same renewal again is none');
  heartbeats.status(node('True'), 51_000);
  t.equal(heartbeats.silence('n', 51_000), 0);
  heartbeats.status(node('Unknown'), 60_000);
  t.equal(heartbeats.silence('n', 60_000), 9_000, 'what the controller wrote is none');
});

t.test('a silent node’s conditions become Unknown', async (t) => {
  const conditions = silentConditions(node('True').status?.conditions, NOW);
  t.match(conditions, [
    {
      type: 'Ready',
      status: 'Unknown',
      reason: 'NodeStatusUnknown',
      lastHeartbeatTime: '2029-12-31T23:59:00Z',
    },
    { type: 'MemoryPressure', status: 'Unknown', reason: 'NodeStatusNeverUpdated' },
    { type: 'DiskPressure', status: 'Unknown' },
    { type: 'PIDPressure', status: 'Unknown' },
  ]);
});

t.test('conditions become taints, and taints of others stay', async (t) => {
  const own: Taint = { key: 'dedicated', effect: 'NoSchedule' };
  const unreachable = taintsFor(node('Unknown', { taints: [own] }), NOW);
  t.strictSame(unreachable, [
    own,
    { key: 'node.kubernetes.io/unreachable', effect: 'NoSchedule' },
    { key: 'node.kubernetes.io/unreachable', effect: 'NoExecute', timeAdded: '2030-01-01T00:00:00Z' },
  ]);
  const later = new Date('2030-01-01T00:05:00Z');
  t.strictSame(taintsFor(node('Unknown', { taints: unreachable }), later), unreachable, 'timeAdded is kept');
  t.match(taintsFor(node('False', { taints: unreachable }), later), [
    own,
    { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' },
    { key: 'node.kubernetes.io/not-ready', effect: 'NoExecute', timeAdded: '2030-01-01T00:05:00Z' },
  ]);
  t.strictSame(taintsFor(node('True', { taints: unreachable }), NOW), [own]);
  t.strictSame(taintsFor(node('True', { unschedulable: true }), NOW), [
    { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' },
  ]);
});

t.test('pods leave when their tolerations run out', async (t) => {
  const added = NOW.getTime();
  const key = 'node.kubernetes.io/unreachable';
  const taints: Taint[] = [{ key, effect: 'NoExecute', timeAdded: '2030-01-01T00:00:00Z' }];
  t.equal(evictionTime(pod(), taints, 0), added + 300_000, 'the default');
  const limited = { key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 5 };
  t.equal(evictionTime(pod(limited), taints, 0), added + 5_000);
  t.equal(
    evictionTime(pod(limited), taints, added + 40_000),
    added + 40_000,
    'not before nodes had time to report',
  );
  t.equal(evictionTime(pod({ operator: 'Exists' }), taints, 0), undefined, 'tolerated for ever');
  const custom: Taint[] = [{ key: 'maintenance', effect: 'NoExecute' }];
  t.equal(evictionTime(pod(), custom, added), 0, 'not tolerated: at once');
  t.equal(evictionTime(pod(), [{ key: 'x', effect: 'NoSchedule' }], 0), undefined);
});
