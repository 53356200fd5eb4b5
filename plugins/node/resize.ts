import { type Container, type Pod, podRequests, type ResourceAmounts } from 'orlop/plugin';
import type { Amounts } from './resource-fields.ts';
import { isSidecar, type PodState, type Resources } from './state.ts';

/** What the node has for its pods, and what the others of them have been given. */
export interface Room {
  readonly allocatable: Amounts;
  used(): ResourceAmounts;
}

/** Containers whose resources can change while they run. */
export function resizable({ spec }: Pod): Container[] {
  return [...(spec?.containers ?? []), ...(spec?.initContainers ?? []).filter(isSidecar)];
}

export function sameResources(a: Resources | undefined, b: Resources | undefined): boolean {
  return compute(a) === compute(b);
}

function compute(resources: Resources = {}): string {
  const { requests = {}, limits = {} } = resources;
  return JSON.stringify([requests['cpu'], requests['memory'], limits['cpu'], limits['memory']]);
}

/**
 * Agrees to what the pod asks for, all of it at once, or says in `state.resize` why not yet, or not here. Messages are kubelet's
 * (`allocation_manager.go`, canResizePod).
 */
export function allocate(pod: Pod, state: PodState, room: Room): void {
  state.resize = undefined;
  const wanted = resizable(pod).filter(
    ({ name, resources }) => !sameResources(state.containers.get(name)?.allocated, resources),
  );
  if (wanted.length === 0) return;
  state.resize = refusal(pod, state, room);
  if (state.resize) return;
  for (const { name, resources } of wanted) state.containers.get(name)!.allocated = resources ?? {};
}

function refusal(pod: Pod, state: PodState, room: Room): PodState['resize'] {
  for (const { name, resources } of resizable(pod)) {
    const unresizable = state.containers.get(name)?.unresizable;
    if (unresizable && sameResources(unresizable.wanted, resources))
      return { reason: 'Infeasible', message: unresizable.message };
  }
  const { status: _, ...rest } = pod;
  const asked = whole(podRequests(rest));
  const given = whole(allocatedRequests(pod, state));
  const used = whole(room.used());
  const capacity = whole(room.allocatable);
  for (const name of ['cpu', 'memory'] as const) {
    const requested = asked[name];
    if (requested > capacity[name]) {
      const message = `Node didn't have enough capacity: ${name}, requested: ${requested}, capacity: ${capacity[name]}`;
      return { reason: 'Infeasible', message };
    }
    if (requested > given[name] && requested + used[name] > capacity[name]) {
      const message = `Node didn't have enough resource: ${name}, requested: ${requested}, used: ${used[name]}, capacity: ${capacity[name]}`;
      return { reason: 'Deferred', message };
    }
  }
  return undefined;
}

/** CPU in millicores, memory in bytes. */
function whole({ cpu = 0, memory = 0 }: ResourceAmounts): { cpu: number; memory: number } {
  return { cpu: Math.round(cpu * 1000), memory: Math.round(memory) };
}

/** What the node has given the pod, whatever it asks for now. */
export function allocatedRequests({ spec }: Pod, state: PodState): ResourceAmounts {
  const given = (container: Container): Container => ({
    ...container,
    resources: state.containers.get(container.name)?.allocated ?? container.resources ?? {},
  });
  return podRequests({
    spec: {
      ...spec,
      containers: (spec?.containers ?? []).map(given),
      initContainers: (spec?.initContainers ?? []).map(given),
    },
  });
}

/** Whether a change from what the container has takes a new start of it, by its `resizePolicy`. */
export function takesRestart(
  { resizePolicy = [] }: Container,
  from: Resources = {},
  to: Resources = {},
): boolean {
  return resizePolicy.some(
    ({ resourceName: name, restartPolicy }) =>
      restartPolicy === 'RestartContainer' &&
      (from.requests?.[name] !== to.requests?.[name] || from.limits?.[name] !== to.limits?.[name]),
  );
}
