import { isPodReady, matchLabels, type Pod, type ReplicaSet, timestamp } from 'orlop/plugin';
import { readySince } from './victims.ts';

type Status = NonNullable<ReplicaSet['status']>;

/** What kept the last reconcile from reaching the replicas asked for. */
export interface ReplicaFailure {
  reason: 'FailedCreate' | 'FailedDelete';
  message: string;
}

/** `pods`: those that count, i.e. the active ones. `now`: milliseconds since the epoch. */
export function replicaSetStatus(
  replicaSet: ReplicaSet,
  pods: readonly Pod[],
  failure: ReplicaFailure | undefined,
  now: number,
): Status {
  const labels = replicaSet.spec?.template?.metadata?.labels;
  const ready = pods.filter(isPodReady);
  const minReady = (replicaSet.spec?.minReadySeconds ?? 0) * 1000;
  const counts: Partial<Status> = {
    fullyLabeledReplicas: pods.filter((pod) => matchLabels(labels)(pod.metadata?.labels)).length,
    readyReplicas: ready.length,
    availableReplicas: ready.filter((pod) => minReady === 0 || readySince(pod) + minReady <= now).length,
  };
  const status: Status = { replicas: pods.length };
  for (const key of ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas'] as const) {
    if (counts[key]) status[key] = counts[key];
  }
  const generation = replicaSet.metadata?.generation;
  if (generation !== undefined) status.observedGeneration = generation;
  const conditions = withFailure(replicaSet.status?.conditions ?? [], failure);
  if (conditions.length > 0) status.conditions = conditions;
  return status;
}

/** Milliseconds until a ready pod becomes available by mere passing of time; `undefined` when none will. */
export function nextAvailability(
  replicaSet: ReplicaSet,
  pods: readonly Pod[],
  now: number,
): number | undefined {
  const minReady = (replicaSet.spec?.minReadySeconds ?? 0) * 1000;
  const waits = pods
    .filter(isPodReady)
    .map((pod) => readySince(pod) + minReady - now)
    .filter((wait) => wait > 0);
  return waits.length > 0 ? Math.min(...waits) : undefined;
}

function withFailure(
  conditions: NonNullable<Status['conditions']>,
  failure: ReplicaFailure | undefined,
): NonNullable<Status['conditions']> {
  const old = conditions.find((each) => each.type === 'ReplicaFailure');
  if (failure && old?.reason === failure.reason && old.message === failure.message) return conditions;
  const others = conditions.filter((each) => each !== old);
  if (!failure) return others;
  return [...others, { type: 'ReplicaFailure', status: 'True', lastTransitionTime: timestamp(), ...failure }];
}
