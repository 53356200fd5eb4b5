import { findCondition, timestamp } from 'orlop/plugin';
import { bounds, wantedReplicas } from './replicas.ts';
import type { Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet } from './types.ts';

/** Upstream's "no deadline": the maximum of an int32. */
const NO_DEADLINE = 2147483647;

type Conditions = DeploymentCondition[];
type Reported = Omit<DeploymentCondition, 'lastUpdateTime' | 'lastTransitionTime'>;

/** The status of a Deployment that rolls out. `now`: milliseconds since the epoch. Source: upstream's `syncRolloutStatus`. */
export function rolloutStatus(
  deployment: Deployment,
  old: readonly ReplicaSet[],
  current: ReplicaSet | undefined,
  now: number,
): DeploymentStatus {
  const status = countedStatus(deployment, old, current, now);
  let conditions = status.conditions ?? [];
  if (!hasDeadline(deployment)) {
    conditions = conditions.filter((each) => each.type !== 'Progressing');
  } else {
    const progressing = findCondition(conditions, 'Progressing');
    const settled =
      status.replicas === status.updatedReplicas && progressing?.reason === 'NewReplicaSetAvailable';
    if (!settled) conditions = withProgress(deployment, current, status, conditions, now);
  }
  conditions = withReplicaFailure(conditions, old, current, now);
  return { ...status, conditions };
}

/** Counts and the Available condition only, as for a Deployment that is paused, scaled or deleted. */
export function countedStatus(
  deployment: Deployment,
  old: readonly ReplicaSet[],
  current: ReplicaSet | undefined,
  now: number,
): DeploymentStatus {
  const all = current ? [...old, current] : old;
  const sum = (of: (each: ReplicaSet) => number | undefined): number =>
    all.reduce((total, each) => total + (of(each) ?? 0), 0);
  const available = sum((each) => each.status?.availableReplicas);
  const counts = {
    collisionCount: deployment.status?.collisionCount,
    observedGeneration: deployment.metadata?.generation,
    replicas: sum((each) => each.status?.replicas),
    updatedReplicas: current?.status?.replicas,
    readyReplicas: sum((each) => each.status?.readyReplicas),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, sum((each) => each.spec?.replicas ?? 1) - available),
  };
  const minimum = wantedReplicas(deployment) - bounds(deployment).maxUnavailable;
  const condition: Reported =
    available >= minimum
      ? {
          type: 'Available',
          status: 'True',
          reason: 'MinimumReplicasAvailable',
          message: 'Deployment has minimum availability.',
        }
      : {
          type: 'Available',
          status: 'False',
          reason: 'MinimumReplicasUnavailable',
          message: 'Deployment does not have minimum availability.',
        };
  const status: DeploymentStatus = {
    conditions: withReported([...(deployment.status?.conditions ?? [])], condition, now),
  };
  // As Go's omitempty: zeros are left out.
  for (const [key, value] of Object.entries(counts)) if (value) Object.assign(status, { [key]: value });
  return status;
}

/** Everything that was asked for is there, is new, and is available. */
export function isComplete(
  deployment: Deployment,
  status: DeploymentStatus = deployment.status ?? {},
): boolean {
  const wanted = wantedReplicas(deployment);
  return (
    (status.updatedReplicas ?? 0) === wanted &&
    (status.replicas ?? 0) === wanted &&
    (status.availableReplicas ?? 0) === wanted &&
    (status.observedGeneration ?? 0) >= (deployment.metadata?.generation ?? 0)
  );
}

/** The conditions with Progressing `Unknown` when the Deployment has just been paused or resumed, which also stops or restarts the clock. */
export function pausedConditions(deployment: Deployment, now: number): Conditions | undefined {
  const conditions = deployment.status?.conditions ?? [];
  const progressing = findCondition(conditions, 'Progressing');
  if (!hasDeadline(deployment) || progressing?.reason === 'ProgressDeadlineExceeded') return undefined;
  const [paused, noted] = [deployment.spec?.paused === true, progressing?.reason === 'DeploymentPaused'];
  if (paused === noted) return undefined;
  const [reason, message] = paused
    ? ['DeploymentPaused', 'Deployment is paused']
    : ['DeploymentResumed', 'Deployment is resumed'];
  return withReported(conditions, { type: 'Progressing', status: 'Unknown', reason, message }, now);
}

/** Progressing, with a reason of a single happening, e.g. `NewReplicaSetCreated`. */
export function progressNote(
  conditions: readonly DeploymentCondition[] | undefined,
  status: 'True' | 'False',
  reason: string,
  message: string,
  now: number,
): Conditions {
  return withReported([...(conditions ?? [])], { type: 'Progressing', status, reason, message }, now);
}

/** Milliseconds until a roll-out that makes no progress has to be looked at again, for its deadline. */
export function deadlineIn(
  deployment: Deployment,
  status: DeploymentStatus,
  now: number,
): number | undefined {
  const progressing = findCondition(status.conditions, 'Progressing');
  if (!hasDeadline(deployment) || !progressing) return undefined;
  if (isComplete(deployment, status) || progressing.reason === 'ProgressDeadlineExceeded') return undefined;
  return Math.max(0, deadline(deployment, progressing) - now) + 1000;
}

export function hasDeadline(deployment: Deployment): boolean {
  return (deployment.spec?.progressDeadlineSeconds ?? 600) !== NO_DEADLINE;
}

function deadline(deployment: Deployment, progressing: DeploymentCondition): number {
  const seconds = deployment.spec?.progressDeadlineSeconds ?? 600;
  return (Date.parse(progressing.lastUpdateTime ?? '') || 0) + seconds * 1000;
}

function withProgress(
  deployment: Deployment,
  current: ReplicaSet | undefined,
  status: DeploymentStatus,
  conditions: Conditions,
  now: number,
): Conditions {
  const what = current
    ? `ReplicaSet "${current.metadata?.name}"`
    : `Deployment "${deployment.metadata?.name}"`;
  const progressing = findCondition(conditions, 'Progressing');
  if (isComplete(deployment, status)) {
    const message = `${what} has successfully progressed.`;
    return progressNote(conditions, 'True', 'NewReplicaSetAvailable', message, now);
  }
  if (hasProgressed(deployment.status ?? {}, status)) {
    // Dropped and set anew, so that lastUpdateTime, from which the deadline counts, moves with every step.
    const others = conditions.filter((each) => each !== progressing);
    const next = progressNote(others, 'True', 'ReplicaSetUpdated', `${what} is progressing.`, now);
    if (progressing?.status === 'True') next.at(-1)!.lastTransitionTime = progressing.lastTransitionTime;
    return next;
  }
  if (
    progressing &&
    progressing.reason !== 'NewReplicaSetAvailable' &&
    deadline(deployment, progressing) < now
  ) {
    const message = `${what} has timed out progressing.`;
    return progressNote(conditions, 'False', 'ProgressDeadlineExceeded', message, now);
  }
  return conditions;
}

function hasProgressed(before: DeploymentStatus, after: DeploymentStatus): boolean {
  const oldPods = (status: DeploymentStatus): number =>
    (status.replicas ?? 0) - (status.updatedReplicas ?? 0);
  return (
    (after.updatedReplicas ?? 0) > (before.updatedReplicas ?? 0) ||
    oldPods(after) < oldPods(before) ||
    (after.readyReplicas ?? 0) > (before.readyReplicas ?? 0) ||
    (after.availableReplicas ?? 0) > (before.availableReplicas ?? 0)
  );
}

function withReplicaFailure(
  conditions: Conditions,
  old: readonly ReplicaSet[],
  current: ReplicaSet | undefined,
  now: number,
): Conditions {
  const failure = [...(current ? [current] : []), ...old]
    .map((each) => findCondition(each.status?.conditions, 'ReplicaFailure'))
    .find((each) => each?.status === 'True');
  if (!failure) return conditions.filter((each) => each.type !== 'ReplicaFailure');
  const { reason = '', message = '' } = failure;
  return withReported(conditions, { type: 'ReplicaFailure', status: 'True', reason, message }, now);
}

/** As upstream's `SetDeploymentCondition`: left alone when status and reason are the same, whatever the message. */
function withReported(conditions: Conditions, condition: Reported, now: number): Conditions {
  const old = findCondition(conditions, condition.type);
  if (old?.status === condition.status && old.reason === condition.reason) return conditions;
  const time = timestamp(new Date(now));
  const lastTransitionTime = old?.status === condition.status ? old.lastTransitionTime : time;
  const next = { ...condition, lastUpdateTime: time, ...(lastTransitionTime ? { lastTransitionTime } : {}) };
  return [...conditions.filter((each) => each !== old), next];
}
