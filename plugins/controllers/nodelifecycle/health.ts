import { findCondition, type Node, type Taint, timestamp } from 'orlop/plugin';

type Conditions = NonNullable<NonNullable<Node['status']>['conditions']>;

const REPORTED = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'];

export const NOT_READY = 'node.kubernetes.io/not-ready';
export const UNREACHABLE = 'node.kubernetes.io/unreachable';

const NO_SCHEDULE: readonly [condition: string, status: string, taint: string][] = [
  ['Ready', 'False', NOT_READY],
  ['Ready', 'Unknown', UNREACHABLE],
  ['MemoryPressure', 'True', 'node.kubernetes.io/memory-pressure'],
  ['DiskPressure', 'True', 'node.kubernetes.io/disk-pressure'],
  ['PIDPressure', 'True', 'node.kubernetes.io/pid-pressure'],
  ['NetworkUnavailable', 'True', 'node.kubernetes.io/network-unavailable'],
];
const UNSCHEDULABLE = 'node.kubernetes.io/unschedulable';
const MANAGED = new Set([...NO_SCHEDULE.map(([, , taint]) => taint), UNSCHEDULABLE]);

/** `True`, `False`, `Unknown`; undefined when the node has never said. */
export function readiness(node: Node): string | undefined {
  return findCondition(node.status?.conditions, 'Ready')?.status;
}

/** The conditions of a node that has stopped reporting: all Unknown. */
export function silentConditions(conditions: Conditions | undefined, now: Date): Conditions {
  const next = (conditions ?? []).filter((each) => !REPORTED.includes(each.type));
  for (const type of REPORTED) {
    const old = findCondition(conditions, type);
    if (old?.status === 'Unknown') {
      next.push(old);
      continue;
    }
    next.push({
      ...old,
      type,
      status: 'Unknown',
      reason: old ? 'NodeStatusUnknown' : 'NodeStatusNeverUpdated',
      message: old ? 'Kubelet stopped posting node status.' : 'Kubelet never posted node status.',
      lastTransitionTime: timestamp(now),
    });
  }
  return next;
}

/** The node's taints as its conditions ask for; those of others, and the time they were added at, are kept. */
export function taintsFor(node: Node, now: Date): Taint[] {
  const present = node.spec?.taints ?? [];
  const wanted: Taint[] = [];
  for (const [type, status, key] of NO_SCHEDULE) {
    if (findCondition(node.status?.conditions, type)?.status !== status) continue;
    wanted.push({ key, effect: 'NoSchedule' });
    if (type === 'Ready') wanted.push({ key, effect: 'NoExecute', timeAdded: timestamp(now) });
  }
  if (node.spec?.unschedulable) wanted.push({ key: UNSCHEDULABLE, effect: 'NoSchedule' });
  const same = (a: Taint, b: Taint): boolean => a.key === b.key && a.effect === b.effect;
  const kept = present.filter((taint) => !MANAGED.has(taint.key) || wanted.some((each) => same(each, taint)));
  return [...kept, ...wanted.filter((each) => !kept.some((taint) => same(each, taint)))];
}
