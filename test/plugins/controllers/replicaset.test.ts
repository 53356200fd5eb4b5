import type { Pod, ReplicaSet } from 'orlop/plugin';
import t from 'tap';
import { slowStart } from '../../../plugins/controllers/replicaset/pods.ts';
import { nextAvailability, replicaSetStatus } from '../../../plugins/controllers/replicaset/status.ts';
import { podsToDelete } from '../../../plugins/controllers/replicaset/victims.ts';

const NOW = Date.parse('2030-01-01T00:01:00Z');

interface Wish {
  node?: string;
  phase?: string;
  readySince?: string;
  cost?: string;
  restarts?: number;
  created?: string;
}

function pod(name: string, wish: Wish = {}): Pod {
  const { node = 'a', phase = 'Running', readySince, cost, restarts = 0, created } = wish;
  return {
    metadata: {
      name,
      labels: { app: 'web' },
      creationTimestamp: created ?? '2030-01-01T00:00:00Z',
      ...(cost ? { annotations: { 'controller.kubernetes.io/pod-deletion-cost': cost } } : {}),
    },
    spec: { containers: [], ...(node ? { nodeName: node } : {}) },
    status: {
      phase,
      conditions: readySince ? [{ type: 'Ready', status: 'True', lastTransitionTime: readySince }] : [],
      containerStatuses: [{ name: 'c', restartCount: restarts, ready: true, image: 'i', imageID: 'i' }],
    },
  };
}

function first(...pods: Pod[]): string | undefined {
  return podsToDelete(pods, 1)[0]?.metadata?.name;
}

t.test('pods are given up in upstream’s order of preference', async (t) => {
  const ready = { readySince: '2030-01-01T00:00:10Z' };
  t.equal(first(pod('ready', ready), pod('unassigned', { node: '', phase: 'Pending' })), 'unassigned');
  t.equal(first(pod('ready', ready), pod('pending', { phase: 'Pending' })), 'pending');
  t.equal(first(pod('ready', ready), pod('not-ready')), 'not-ready');
  t.equal(first(pod('dear', { ...ready, cost: '5' }), pod('cheap', { ...ready, cost: '-5' })), 'cheap');
  t.equal(
    first(pod('alone', { ...ready, node: 'b' }), pod('x', ready), pod('y', { ...ready, restarts: 1 })),
    'y',
    'doubled-up pods go before one alone on its node',
  );
  t.equal(first(pod('older', ready), pod('later', { readySince: '2030-01-01T00:00:20Z' })), 'later');
  t.equal(first(pod('calm', ready), pod('restarts', { ...ready, restarts: 3 })), 'restarts');
  t.equal(first(pod('old', ready), pod('new', { ...ready, created: '2030-01-01T00:00:05Z' })), 'new');
  t.equal(podsToDelete([pod('a'), pod('b')], 5).length, 2);
});

t.test('a status counts ready, available and fully labelled pods', async (t) => {
  const replicaSet: ReplicaSet = {
    metadata: { name: 'web', generation: 3 },
    spec: {
      minReadySeconds: 30,
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web', tier: 'x' } } },
    },
  };
  const pods = [
    pod('available', { readySince: '2030-01-01T00:00:20Z' }),
    pod('ready', { readySince: '2030-01-01T00:00:40Z' }),
    pod('starting'),
  ];
  t.strictSame(replicaSetStatus(replicaSet, pods, undefined, NOW), {
    replicas: 3,
    readyReplicas: 2,
    availableReplicas: 1,
    observedGeneration: 3,
  });
  t.equal(nextAvailability(replicaSet, pods, NOW), 10_000);
  const failed = replicaSetStatus(replicaSet, [], { reason: 'FailedCreate', message: 'no' }, NOW);
  t.match(failed.conditions, [
    { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: 'no' },
  ]);
  const recovered = replicaSetStatus({ ...replicaSet, status: failed }, [], undefined, NOW);
  t.equal(recovered.conditions, undefined);
});

t.test('creation starts slowly and stops at the first failed batch', async (t) => {
  let calls = 0;
  const all = await slowStart(10, async () => {
    calls += 1;
  });
  t.strictSame([all.done, all.error, calls], [10, undefined, 10]);
  calls = 0;
  const refused = await slowStart(100, async () => {
    calls += 1;
    if (calls > 3) throw new Error('full');
  });
  t.equal(calls, 7, '1 + 2 + 4, and no further');
  t.equal(refused.done, 3);
  t.match(refused.error, { message: 'full' });
});
