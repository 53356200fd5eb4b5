import { findCondition } from './conditions.ts';
import type { Container, ContainerStatus, Pod } from './kubernetes.ts';
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

/**
 * What the pod takes of a node: the larger of what its containers and sidecars take together and what its init containers take one after
 * the other, each beside the sidecars before it; plus overhead. During a resize a container takes the larger of what it has and asks
 * for, unless the node cannot give it. Source: component-helpers `resource.PodRequests`.
 */
export function podRequests({ spec, status }: Pod): ResourceAmounts {
  const pending = findCondition(status?.conditions, 'PodResizePending');
  const takes = (container: Container, statuses: readonly ContainerStatus[] = []): [string, number][] => {
    const asked = amounts(container.resources?.requests);
    const has = statuses.find(({ name }) => name === container.name)?.resources?.requests;
    if (!has) return asked;
    const given = Object.fromEntries(amounts(has));
    return asked.map(([name, amount]) => {
      const held = given[name] ?? 0;
      return [name, pending?.reason === 'Infeasible' ? held : Math.max(amount, held)];
    });
  };
  const total: ResourceAmounts = {};
  const add = (to: ResourceAmounts, list: [string, number][]): void => {
    for (const [name, amount] of list) to[name] = (to[name] ?? 0) + amount;
  };
  for (const container of spec?.containers ?? []) add(total, takes(container, status?.containerStatuses));
  const sidecars: ResourceAmounts = {};
  const most: ResourceAmounts = {};
  for (const container of spec?.initContainers ?? []) {
    const list = takes(container, status?.initContainerStatuses);
    if (container.restartPolicy === 'Always') {
      add(total, list);
      add(sidecars, list);
      continue;
    }
    for (const [name, amount] of list) most[name] = Math.max(most[name] ?? 0, amount + (sidecars[name] ?? 0));
  }
  for (const [name, amount] of Object.entries(most)) total[name] = Math.max(total[name] ?? 0, amount);
  add(total, amounts(spec?.overhead));
  return total;
}

function amounts(list: Record<string, string> | undefined): [string, number][] {
  return Object.entries(list ?? {}).map(([name, text]) => [name, parseQuantity(text) ?? 0]);
}
