import { findCondition } from './conditions.ts';
import type { Pod } from './kubernetes.ts';
import { parseQuantity } from './quantity.ts';

export function isPodReady(pod: Pod): boolean {
  return findCondition(pod.status?.conditions, 'Ready')?.status === 'True';
}

/** Succeeded or Failed: it will not run again. */
export function isPodTerminal(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

/** Counts towards its controller's replicas: neither ended nor ending. */
export function isPodActive(pod: Pod): boolean {
  return !isPodTerminal(pod) && pod.metadata?.deletionTimestamp === undefined;
}

/**
 * The grace period to delete a pod with, as kube-apiserver's pod strategy decides it: 0 when no node runs it, else what was asked
 * for or its `terminationGracePeriodSeconds`.
 */
export function podGracePeriodSeconds(pod: Pod, asked?: number): number {
  if (!pod.spec?.nodeName || isPodTerminal(pod)) return 0;
  return asked ?? pod.spec.terminationGracePeriodSeconds ?? 30;
}

/** CPU in cores, memory and ephemeral storage in bytes, extended resources in units. */
export type ResourceAmounts = Record<string, number>;

/** What the pod asks of a node: the larger of its containers' sum and its largest init container, plus overhead. */
export function podRequests(pod: Pod): ResourceAmounts {
  const total: ResourceAmounts = {};
  for (const container of pod.spec?.containers ?? []) {
    for (const [name, amount] of amounts(container.resources?.requests))
      total[name] = (total[name] ?? 0) + amount;
  }
  for (const container of pod.spec?.initContainers ?? []) {
    for (const [name, amount] of amounts(container.resources?.requests))
      total[name] = Math.max(total[name] ?? 0, amount);
  }
  for (const [name, amount] of amounts(pod.spec?.overhead)) total[name] = (total[name] ?? 0) + amount;
  return total;
}

function amounts(list: Record<string, string> | undefined): [string, number][] {
  return Object.entries(list ?? {}).map(([name, text]) => [name, parseQuantity(text) ?? 0]);
}
