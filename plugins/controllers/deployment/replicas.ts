import { byCreation } from './template.ts';
import { DESIRED_REPLICAS, type Deployment, MAX_REPLICAS, type ReplicaSet } from './types.ts';

/** The new size of one ReplicaSet. */
export interface Resize {
  replicaSet: ReplicaSet;
  replicas: number;
}

export function wantedReplicas(deployment: Deployment): number {
  return deployment.spec?.replicas ?? 1;
}

export function isRolling(deployment: Deployment): boolean {
  return (deployment.spec?.strategy?.type ?? 'RollingUpdate') === 'RollingUpdate';
}

export function sizeOf(replicaSet: ReplicaSet): number {
  return replicaSet.spec?.replicas ?? 1;
}

export function totalSize(replicaSets: readonly ReplicaSet[]): number {
  return replicaSets.reduce((sum, each) => sum + sizeOf(each), 0);
}

/** Never more than it is to have: the status of a ReplicaSet just scaled down still counts the pods it gives up. */
export function availableOf(replicaSet: ReplicaSet): number {
  return Math.min(replicaSet.status?.availableReplicas ?? 0, sizeOf(replicaSet));
}

/** In pods. Surge rounds up, unavailability down; when both come to nothing one may be unavailable, lest the roll-out stands still. */
export function bounds(deployment: Deployment): { maxSurge: number; maxUnavailable: number } {
  if (!isRolling(deployment)) return { maxSurge: 0, maxUnavailable: 0 };
  const replicas = wantedReplicas(deployment);
  const rolling = deployment.spec?.strategy?.rollingUpdate;
  const maxSurge = resolve(rolling?.maxSurge ?? '25%', replicas, Math.ceil);
  const maxUnavailable = resolve(rolling?.maxUnavailable ?? '25%', replicas, Math.floor);
  if (maxSurge === 0 && maxUnavailable === 0) return { maxSurge, maxUnavailable: 1 };
  return { maxSurge, maxUnavailable: Math.min(maxUnavailable, replicas) };
}

function resolve(value: string | number, total: number, round: (n: number) => number): number {
  if (typeof value === 'number') return value;
  return value.endsWith('%') ? round((Number.parseInt(value, 10) * total) / 100) : Number.parseInt(value, 10);
}

/** How large the new ReplicaSet may be now. */
export function newReplicaSetSize(
  deployment: Deployment,
  all: readonly ReplicaSet[],
  current: ReplicaSet | undefined,
): number {
  const wanted = wantedReplicas(deployment);
  if (!isRolling(deployment)) return wanted;
  const size = current ? sizeOf(current) : 0;
  if (size >= wanted) return wanted;
  const room = wanted + bounds(deployment).maxSurge - totalSize(all);
  return room <= 0 ? size : size + Math.min(room, wanted - size);
}

/**
 * Which old ReplicaSets shrink next, and by how much, without going below the availability bound: first the pods that are not available
 * anyway, then, oldest first, available ones that the new ReplicaSet makes up for.
 */
export function shrinkOld(deployment: Deployment, old: readonly ReplicaSet[], current: ReplicaSet): Resize[] {
  const all = [...old, current];
  const minAvailable = wantedReplicas(deployment) - bounds(deployment).maxUnavailable;
  const unavailableNew = sizeOf(current) - availableOf(current);
  const sizes = new Map(old.map((each) => [each, sizeOf(each)]));
  const ordered = [...old].sort(byCreation);

  let removable = totalSize(all) - minAvailable - unavailableNew;
  for (const each of ordered) {
    const count = Math.min(removable, sizeOf(each) - availableOf(each));
    if (count <= 0) continue;
    sizes.set(each, sizeOf(each) - count);
    removable -= count;
  }

  const available = all.reduce((sum, each) => sum + availableOf(each), 0);
  let spare = Math.min(available - minAvailable, removable);
  for (const each of ordered) {
    const count = Math.min(spare, sizes.get(each)!);
    if (count <= 0) continue;
    sizes.set(each, sizes.get(each)! - count);
    spare -= count;
  }
  return changed(sizes);
}

/** After a change of `spec.replicas`: what is rolling keeps its proportions, surge included. */
export function proportionalSizes(
  deployment: Deployment,
  old: readonly ReplicaSet[],
  current: ReplicaSet | undefined,
): Resize[] {
  const wanted = wantedReplicas(deployment);
  const all = current ? [...old, current] : [...old];
  const active = all.filter((each) => sizeOf(each) > 0);
  if (active.length <= 1) {
    const only = active[0] ?? current ?? [...old].sort(byCreation).at(-1);
    return only ? changed(new Map([[only, wanted]])) : [];
  }
  if (isSaturated(deployment, current)) {
    return changed(new Map(active.filter((each) => each !== current).map((each) => [each, 0])));
  }
  if (!isRolling(deployment)) return [];
  const allowed = wanted > 0 ? wanted + bounds(deployment).maxSurge : 0;
  const toAdd = allowed - totalSize(active);
  // The largest takes the most, and what rounding leaves over; of equals the newer grows and the older shrinks.
  const ordered = active.sort(
    (a, b) => sizeOf(b) - sizeOf(a) || (toAdd > 0 ? byCreation(b, a) : byCreation(a, b)),
  );
  const sizes = new Map<ReplicaSet, number>();
  let added = 0;
  for (const each of ordered) {
    const share = toAdd === 0 ? 0 : proportion(each, deployment, toAdd - added, toAdd > 0);
    sizes.set(each, sizeOf(each) + share);
    added += share;
  }
  const largest = ordered[0]!;
  sizes.set(largest, Math.max(0, sizes.get(largest)! + toAdd - added));
  return changed(sizes);
}

/** The new ReplicaSet has all the pods the Deployment wants, and they are available. */
function isSaturated(deployment: Deployment, current: ReplicaSet | undefined): boolean {
  const wanted = wantedReplicas(deployment);
  return (
    current !== undefined &&
    sizeOf(current) === wanted &&
    desiredAnnotation(current) === wanted &&
    (current.status?.availableReplicas ?? 0) === wanted
  );
}

function proportion(replicaSet: ReplicaSet, deployment: Deployment, left: number, growing: boolean): number {
  const size = sizeOf(replicaSet);
  const wanted = wantedReplicas(deployment);
  if (size === 0 || left === 0) return 0;
  const before = annotation(replicaSet, MAX_REPLICAS) ?? deployment.status?.replicas ?? 0;
  const share =
    wanted === 0 || before === 0
      ? -size
      : Math.round((size * (wanted + bounds(deployment).maxSurge)) / before) - size;
  return growing ? Math.min(Math.max(share, 0), left) : Math.max(Math.min(share, 0), left);
}

/** The Deployment's replicas when this ReplicaSet was last sized. */
export function desiredAnnotation(replicaSet: ReplicaSet): number | undefined {
  return annotation(replicaSet, DESIRED_REPLICAS);
}

function annotation(replicaSet: ReplicaSet, name: string): number | undefined {
  const value = Number.parseInt(replicaSet.metadata?.annotations?.[name] ?? '', 10);
  return Number.isNaN(value) ? undefined : value;
}

function changed(sizes: ReadonlyMap<ReplicaSet, number>): Resize[] {
  return [...sizes]
    .filter(([replicaSet, replicas]) => replicas !== sizeOf(replicaSet))
    .map(([replicaSet, replicas]) => ({ replicaSet, replicas }));
}
