import {
  type ContainerState,
  type ContainerStatus,
  findCondition,
  type Pod,
  type PodSandbox,
} from 'orlop/plugin';
import { type ContainerRecord, lose, newPodState, observe, type PodState } from './state.ts';

/**
 * What is known of a pod when the agent first sees it: from the runtime where its sandbox still lives, else from what its status says ran
 * before. A pod whose sandbox went with its process thus counts its containers as ended, as kubelet does.
 */
export function initialState(pod: Pod, sandbox: PodSandbox | undefined, now: string): PodState {
  const state = newPodState(pod, now);
  const {
    initContainerStatuses = [],
    containerStatuses = [],
    ephemeralContainerStatuses = [],
  } = pod.status ?? {};
  for (const status of [...initContainerStatuses, ...containerStatuses, ...ephemeralContainerStatuses]) {
    const record = state.containers.get(status.name);
    if (record) recall(record, status);
  }
  if (sandbox) {
    state.sandbox = { id: sandbox.id, ip: sandbox.ip, ready: sandbox.ready };
    observeSandbox(state, sandbox);
  }
  const listed = new Set(sandbox?.containers.map((container) => container.id));
  for (const record of state.containers.values()) {
    if (record.current && !(sandbox?.ready && listed.has(record.current.id))) lose(record, now);
  }
  const isPending = findCondition(pod.status?.conditions, 'PodResizePending') !== undefined;
  for (const { name, resources } of [...initContainerStatuses, ...containerStatuses]) {
    const record = state.containers.get(name);
    if (!record || !resources) continue;
    record.resources = resources;
    if (isPending) record.allocated = resources;
  }
  for (const status of containerStatuses) keepProbes(state.containers.get(status.name), status);
  return state;
}

/** Takes in what a runtime lists; returns whether anything changed. */
export function observeSandbox(state: PodState, sandbox: PodSandbox): boolean {
  let changed = false;
  const ordered = [...sandbox.containers].sort((a, b) => a.attempt - b.attempt);
  for (const seen of ordered) {
    const record = state.containers.get(seen.name);
    if (!record) continue;
    if (observe(record, seen)) changed = true;
    if (record.current?.id === seen.id) record.sandbox = sandbox.id;
  }
  return changed;
}

function recall(record: ContainerRecord, status: ContainerStatus): void {
  const attempt = status.restartCount;
  const { running, terminated } = status.state ?? {};
  const base = {
    id: idOf(status.containerID),
    name: status.name,
    imageId: status.imageID,
    image: status.image,
  };
  const ended = terminated ?? (running ? undefined : status.lastState?.terminated);
  if (running) {
    record.current = {
      ...base,
      attempt,
      state: 'Running',
      ...(running.startedAt && { startedAt: running.startedAt }),
    };
  } else if (ended) {
    record.current = { ...base, ...exited(ended), attempt };
  }
  const before = status.lastState?.terminated;
  if (record.current && before && before !== ended) {
    record.previous = { ...base, ...exited(before), attempt: attempt - 1 };
  }
}

type Terminated = NonNullable<NonNullable<ContainerStatus['state']>['terminated']>;

function exited(ended: Terminated): Omit<ContainerState, 'name' | 'attempt' | 'imageId' | 'image'> {
  return {
    id: idOf(ended.containerID),
    state: 'Exited',
    startedAt: ended.startedAt ?? '1970-01-01T00:00:00Z',
    finishedAt: ended.finishedAt ?? '1970-01-01T00:00:00Z',
    exitCode: ended.exitCode,
    ...(ended.reason === undefined ? {} : { reason: ended.reason }),
    ...(ended.message === undefined ? {} : { message: ended.message }),
  };
}

/** A container that runs on through a restart of the agent stays as ready as it was. */
function keepProbes(record: ContainerRecord | undefined, status: ContainerStatus): void {
  if (record?.current?.state !== 'Running' || idOf(status.containerID) !== record.current.id) return;
  record.started = status.started ?? true;
  record.ready = status.ready;
}

/** `docker://abc` is `abc`. */
function idOf(containerId: string | undefined): string {
  return containerId?.slice(containerId.indexOf('://') + 3) ?? '';
}
