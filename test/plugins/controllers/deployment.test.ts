import type { Deployment, DeploymentSpec, ReplicaSet } from 'orlop/plugin';
import t from 'tap';
import {
  bounds,
  newReplicaSetSize,
  proportionalSizes,
  type Resize,
  shrinkOld,
} from '../../../plugins/controllers/deployment/replicas.ts';
import {
  newReplicaSet,
  outOfHistory,
  revisedAnnotations,
} from '../../../plugins/controllers/deployment/revisions.ts';
import {
  deadlineIn,
  pausedConditions,
  rolloutStatus,
} from '../../../plugins/controllers/deployment/status.ts';
import { findNewReplicaSet, templateHash } from '../../../plugins/controllers/deployment/template.ts';

const NOW = Date.parse('2030-01-01T00:00:00Z');

function deployment(replicas: number, spec: Partial<DeploymentSpec> = {}): Deployment {
  return {
    metadata: { name: 'web', namespace: 'default', uid: 'd', generation: 1 },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'i:1' }] } },
      ...spec,
    },
  };
}

function rolling(replicas: number, maxSurge: string | number, maxUnavailable: string | number): Deployment {
  return deployment(replicas, {
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } },
  });
}

interface Wish {
  available?: number;
  created?: string;
  annotations?: Record<string, string>;
}

function replicaSet(name: string, replicas: number, wish: Wish = {}): ReplicaSet {
  const { available = replicas, created = '2030-01-01T00:00:00Z', annotations = {} } = wish;
  return {
    metadata: { name, creationTimestamp: created, annotations, generation: 1 },
    spec: { replicas, selector: {} },
    status: { replicas, readyReplicas: available, availableReplicas: available, observedGeneration: 1 },
  };
}

function sizes(resizes: Resize[]): Record<string, number> {
  return Object.fromEntries(resizes.map((each) => [each.replicaSet.metadata?.name, each.replicas]));
}

t.test('percentages round as upstream’s: surge up, unavailable down, never both to nothing', async (t) => {
  t.strictSame(bounds(rolling(10, '25%', '25%')), { maxSurge: 3, maxUnavailable: 2 });
  t.strictSame(bounds(rolling(1, '25%', '25%')), { maxSurge: 1, maxUnavailable: 0 });
  t.strictSame(bounds(rolling(3, 0, '1%')), { maxSurge: 0, maxUnavailable: 1 });
  t.strictSame(bounds(rolling(2, 1, 5)), { maxSurge: 1, maxUnavailable: 2 });
  t.strictSame(bounds(deployment(4)), { maxSurge: 1, maxUnavailable: 1 }, 'the default is 25% of each');
  t.strictSame(bounds(deployment(4, { strategy: { type: 'Recreate' } })), { maxSurge: 0, maxUnavailable: 0 });
});

t.test('a roll-out never leaves its bounds, whatever becomes ready when', async (t) => {
  for (const [replicas, surge, unavailable] of [
    [4, 1, 1],
    [10, '25%', '25%'],
    [3, 1, 0],
    [5, 0, 1],
  ] as const) {
    const wish = rolling(replicas, surge, unavailable);
    const { maxSurge, maxUnavailable } = bounds(wish);
    const old = replicaSet('old', replicas);
    const current = replicaSet('new', 0);
    let steps = 0;
    while (current.status!.availableReplicas! < replicas || old.spec!.replicas! > 0) {
      t.ok(++steps < 100, 'it ends');
      current.spec!.replicas = newReplicaSetSize(wish, [old, current], current);
      for (const each of shrinkOld(wish, [old], current)) each.replicaSet.spec!.replicas = each.replicas;
      // One new pod becomes available a step; the old ReplicaSet's status lags a step behind its spec.
      const running = Math.min(old.spec!.replicas!, replicas) + current.status!.availableReplicas!;
      t.ok(running >= replicas - maxUnavailable, `available: ${running} of ${replicas}`);
      t.ok(old.spec!.replicas! + current.spec!.replicas! <= replicas + maxSurge, 'surge');
      if (current.status!.availableReplicas! < current.spec!.replicas!) {
        Object.assign(current.status!, { availableReplicas: current.status!.availableReplicas! + 1 });
      } else {
        Object.assign(old.status!, { availableReplicas: old.spec!.replicas });
      }
    }
  }
});

t.test('pods that are not available anyway go first', async (t) => {
  const old = [
    replicaSet('good', 2, { created: '2029-01-01T00:00:00Z' }),
    replicaSet('broken', 2, { available: 0, created: '2029-06-01T00:00:00Z' }),
  ];
  t.strictSame(sizes(shrinkOld(rolling(4, 1, 2), old, replicaSet('new', 1, { available: 0 }))), {
    broken: 0,
  });
});

t.test('scaling in the middle of a roll-out keeps the proportions', async (t) => {
  const annotations = {
    'deployment.kubernetes.io/desired-replicas': '10',
    'deployment.kubernetes.io/max-replicas': '13',
  };
  const old = replicaSet('old', 8, { annotations, created: '2029-01-01T00:00:00Z' });
  const current = replicaSet('new', 5, { annotations, available: 0 });
  t.strictSame(sizes(proportionalSizes(rolling(15, 3, 2), [old], current)), { old: 11, new: 7 });
  t.strictSame(sizes(proportionalSizes(rolling(5, 3, 2), [old], current)), { old: 5, new: 3 });
  t.strictSame(sizes(proportionalSizes(rolling(0, 3, 2), [old], current)), { old: 0, new: 0 });
  t.strictSame(sizes(proportionalSizes(rolling(4, 1, 0), [], replicaSet('only', 2))), { only: 4 });
});

t.test('the template hash does not depend on the order of keys and avoids collisions', async (t) => {
  const template = deployment(1).spec!.template;
  const shuffled = { spec: { ...template.spec! }, metadata: { ...template.metadata } };
  t.equal(templateHash(template), templateHash(shuffled));
  t.not(templateHash(template), templateHash(template, 1));
  t.match(templateHash(template), /^[bcdfghjklmnpqrstvwxz2456789]+$/);
});

t.test('a rollback finds the old ReplicaSet and gives it the next revision', async (t) => {
  const wish = deployment(1);
  const first = newReplicaSet(wish, [], 1);
  t.equal(first.metadata?.annotations?.['deployment.kubernetes.io/revision'], '1');
  t.equal(
    first.spec?.selector.matchLabels?.['pod-template-hash'],
    first.metadata?.labels?.['pod-template-hash'],
  );
  const changed = deployment(1);
  changed.spec!.template.spec!.containers[0]!.image = 'i:2';
  const second = newReplicaSet(changed, [first], 1);
  t.equal(second.metadata?.annotations?.['deployment.kubernetes.io/revision'], '2');
  t.not(second.metadata?.name, first.metadata?.name);
  t.equal(findNewReplicaSet(wish, [second, first]), first);
  t.match(revisedAnnotations(wish, [second], first), {
    'deployment.kubernetes.io/revision': '3',
    'deployment.kubernetes.io/revision-history': '1',
  });
});

t.test('history beyond the limit goes, oldest revision first, and only when it has ended', async (t) => {
  const revision = (n: number): Wish => ({ annotations: { 'deployment.kubernetes.io/revision': String(n) } });
  const old = [3, 1, 2].map((n) => replicaSet(`r${n}`, n === 1 ? 1 : 0, revision(n)));
  const names = (limit: number): (string | undefined)[] =>
    outOfHistory(deployment(1, { revisionHistoryLimit: limit }), old).map((each) => each.metadata?.name);
  t.strictSame(names(0), ['r2', 'r3']);
  t.strictSame(names(2), []);
  t.strictSame(names(1), ['r2']);
});

t.test('conditions tell progress, completion and a missed deadline', async (t) => {
  const wish = deployment(2, { progressDeadlineSeconds: 60 });
  const starting = rolloutStatus(wish, [], replicaSet('new', 2, { available: 1 }), NOW);
  t.match(starting, { replicas: 2, updatedReplicas: 2, readyReplicas: 1, unavailableReplicas: 1 });
  t.match(
    starting.conditions?.find((each) => each.type === 'Progressing'),
    { status: 'True', reason: 'ReplicaSetUpdated', message: 'ReplicaSet "new" is progressing.' },
  );
  wish.status = starting;
  t.equal(deadlineIn(wish, starting, NOW), 61_000);
  const late = rolloutStatus(wish, [], replicaSet('new', 2, { available: 1 }), NOW + 61_000);
  t.match(
    late.conditions?.find((each) => each.type === 'Progressing'),
    { status: 'False', reason: 'ProgressDeadlineExceeded' },
  );
  const done = rolloutStatus(wish, [], replicaSet('new', 2), NOW);
  t.match(
    done.conditions?.find((each) => each.type === 'Progressing'),
    { status: 'True', reason: 'NewReplicaSetAvailable' },
  );
  t.match(
    done.conditions?.find((each) => each.type === 'Available'),
    { status: 'True', reason: 'MinimumReplicasAvailable' },
  );
  t.equal(done.unavailableReplicas, undefined, 'zeros are left out');
  wish.status = done;
  wish.spec!.paused = true;
  t.match(
    pausedConditions(wish, NOW)?.find((each) => each.type === 'Progressing'),
    { status: 'Unknown', reason: 'DeploymentPaused' },
  );
});
