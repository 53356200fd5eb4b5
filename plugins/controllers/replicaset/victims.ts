import { findCondition, isPodReady, type Pod } from 'orlop/plugin';

const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost';
const PHASES: Record<string, number> = { Pending: 0, Unknown: 1, Running: 2 };

/**
 * The `count` active pods to give up first, in upstream's order of preference (`ActivePodsWithRanks`): unassigned, then pending, then
 * not ready, then the lowest deletion cost, then on the node with most of them, then most recently ready, then most restarts, then newest.
 */
export function podsToDelete(pods: readonly Pod[], count: number): Pod[] {
  if (count >= pods.length) return [...pods];
  const perNode = new Map<string, number>();
  for (const pod of pods) {
    const node = pod.spec?.nodeName ?? '';
    perNode.set(node, (perNode.get(node) ?? 0) + 1);
  }
  const keys = new Map(pods.map((pod) => [pod, preference(pod, perNode.get(pod.spec?.nodeName ?? '')!)]));
  return [...pods].sort((a, b) => compare(keys.get(a)!, keys.get(b)!)).slice(0, count);
}

/** Smaller goes first. */
function preference(pod: Pod, onSameNode: number): (number | string)[] {
  const ready = isPodReady(pod);
  return [
    pod.spec?.nodeName ? 1 : 0,
    PHASES[pod.status?.phase ?? 'Pending'] ?? 1,
    ready ? 1 : 0,
    Number.parseInt(pod.metadata?.annotations?.[DELETION_COST] ?? '0', 10) || 0,
    -onSameNode,
    ready ? -readySince(pod) : 0,
    -Math.max(0, ...(pod.status?.containerStatuses ?? []).map((each) => each.restartCount)),
    -Date.parse(pod.metadata?.creationTimestamp ?? '') || 0,
    pod.metadata?.name ?? '',
  ];
}

function compare(a: readonly (number | string)[], b: readonly (number | string)[]): number {
  for (const [index, left] of a.entries()) {
    const right = b[index]!;
    if (left !== right) return left < right ? -1 : 1;
  }
  return 0;
}

/** Milliseconds since the epoch. */
export function readySince(pod: Pod): number {
  return Date.parse(findCondition(pod.status?.conditions, 'Ready')?.lastTransitionTime ?? '') || 0;
}
