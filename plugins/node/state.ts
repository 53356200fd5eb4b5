import type { Container, ContainerState, Pod } from 'orlop/plugin';
import type { Backoff } from './backoff.ts';

/** Why something was refused, as a waiting reason of kubelet's, and when to try again (milliseconds since the epoch). */
export interface Refusal {
  readonly reason: string;
  readonly message: string;
  readonly at: number;
  readonly retryAt: number;
}

export type ImageState =
  | { readonly phase: 'pulling' }
  | { readonly phase: 'ready'; readonly id: string }
  | ({ readonly phase: 'refused' } & Refusal);

export type Resources = NonNullable<Container['resources']>;

/** What the agent knows of one container of a pod. */
export interface ContainerRecord {
  readonly name: string;
  /** The newest attempt, and the one before it. */
  current: ContainerState | undefined;
  previous: ContainerState | undefined;
  /** The sandbox the newest attempt was started in. */
  sandbox: string | undefined;
  /** The next start's image. */
  image: ImageState | undefined;
  /** Being created and started, its postStart hook included. */
  starting: boolean;
  /** Being stopped: when it will be killed at the latest, milliseconds since the epoch. */
  stopping: number | undefined;
  /** This attempt was stopped to be started again, whatever its exit code says. */
  restart: number | undefined;
  /** Why it could not be created or started. */
  refused: Refusal | undefined;
  crashes: Backoff | undefined;
  pulls: Backoff | undefined;
  /** What the node has agreed to give it. */
  allocated: Resources | undefined;
  /** What its newest attempt has. */
  resources: Resources | undefined;
  /** What it has is being changed, or restarted for. */
  resizing: boolean;
  /** What its runtime will not give it while it runs. */
  unresizable: { readonly wanted: Resources; readonly message: string } | undefined;
  /** Why it could not be given what it was allocated. */
  resizeError: { readonly message: string; readonly retryAt: number } | undefined;
  /** Its startup probe has passed; it has none; or it is known from before. */
  started: boolean;
  /** Its readiness probe passes, or it has none. */
  ready: boolean;
}

/** What the agent knows of one pod. The worker writes it, `decide` and `podStatus` read it. */
export interface PodState {
  sandbox: { readonly id: string; readonly ip: string; readonly ready: boolean } | undefined;
  /** Volumes, address and sandbox are being made. */
  preparing: boolean;
  refused: Refusal | undefined;
  readonly containers: Map<string, ContainerRecord>;
  /** The sandbox is being stopped, or removed. */
  releasing: boolean;
  /** Nothing of it is left but, of a completed pod, its logs. */
  released: boolean;
  /** And those are gone, too. */
  removed: boolean;
  /** The object is gone from the store. */
  gone: boolean;
  /** The agent has ended the pod, e.g. `DeadlineExceeded`. */
  failure: { readonly reason: string; readonly message: string } | undefined;
  /** Why the pod is not given the resources it asks for. */
  resize: { readonly reason: 'Deferred' | 'Infeasible'; readonly message: string } | undefined;
  /** When the agent first saw it; RFC 3339. */
  startTime: string;
}

export function newPodState(pod: Pod, now: string): PodState {
  const state: PodState = {
    sandbox: undefined,
    preparing: false,
    refused: undefined,
    containers: new Map(),
    releasing: false,
    released: false,
    removed: false,
    gone: false,
    failure: undefined,
    resize: undefined,
    startTime: pod.status?.startTime ?? now,
  };
  addContainers(pod, state);
  return state;
}

/** Ephemeral containers come while the pod runs. */
export function addContainers(pod: Pod, { containers }: PodState): void {
  for (const { name, resources = {} } of allContainers(pod)) {
    if (!containers.has(name)) containers.set(name, newContainerRecord(name, resources));
  }
}

/** In the order of their kinds: init, regular, ephemeral. */
export function allContainers({ spec }: Pod): Container[] {
  return [...(spec?.initContainers ?? []), ...(spec?.containers ?? []), ...ephemeralContainers(spec)];
}

export function ephemeralContainers(spec: Pod['spec']): readonly Container[] {
  return spec?.ephemeralContainers ?? [];
}

export function isEphemeral(pod: Pod, container: Container): boolean {
  return ephemeralContainers(pod.spec).some(({ name }) => name === container.name);
}

function newContainerRecord(name: string, resources: Resources): ContainerRecord {
  return {
    name,
    current: undefined,
    previous: undefined,
    sandbox: undefined,
    image: undefined,
    starting: false,
    stopping: undefined,
    restart: undefined,
    refused: undefined,
    crashes: undefined,
    pulls: undefined,
    allocated: resources,
    resources,
    resizing: false,
    unresizable: undefined,
    resizeError: undefined,
    started: false,
    ready: false,
  };
}

/** An init container that runs on beside the pod's containers. */
export function isSidecar(container: Container): boolean {
  return container.restartPolicy === 'Always';
}

export function isRunning(record: ContainerRecord | undefined): boolean {
  return record?.current?.state === 'Running' || record?.current?.state === 'Created';
}

/** An end the container's restart policy does not answer with another start. */
export function isDone(pod: Pod, record: ContainerRecord | undefined): boolean {
  const current = record?.current;
  if (current?.state !== 'Exited' || record!.starting) return false;
  const policy = pod.spec?.restartPolicy ?? 'Always';
  if (policy === 'Never') return true;
  if (policy === 'Always' || record!.restart === current.attempt) return false;
  return current.exitCode === 0;
}

/** An init container that has failed for good: the pod fails with it. */
export function isFailedInit(pod: Pod, record: ContainerRecord | undefined): boolean {
  const current = record?.current;
  if (current?.state !== 'Exited' || record!.starting || pod.spec?.restartPolicy !== 'Never') return false;
  return current.exitCode !== 0;
}

/** It has ended with success: what its pod's other containers wait for. */
export function isInitDone(record: ContainerRecord | undefined): boolean {
  return record?.current?.state === 'Exited' && record.current.exitCode === 0 && !record.starting;
}

/**
 * Takes in what the runtime says about a container. What it said earlier never undoes a later attempt or an end; the return value says
 * whether anything changed.
 */
export function observe(record: ContainerRecord, seen: ContainerState): boolean {
  const { current } = record;
  if (current && seen.attempt < current.attempt) {
    if (record.previous && record.previous.attempt > seen.attempt) return false;
    record.previous = seen;
    return false;
  }
  if (!current || seen.attempt > current.attempt) {
    record.previous = current ?? record.previous;
    record.current = seen;
    return true;
  }
  if (seen.id === current.id && rank(seen) <= rank(current)) return false;
  record.current = seen;
  if (seen.state === 'Exited') record.stopping = undefined;
  return true;
}

function rank({ state }: ContainerState): number {
  return state === 'Created' ? 0 : state === 'Running' ? 1 : 2;
}

/** The runtime has lost a container that was alive: kubelet's `ContainerStatusUnknown`. */
export function lose(record: ContainerRecord, now: string): void {
  const { current } = record;
  if (!current || current.state === 'Exited') return;
  observe(record, {
    ...current,
    state: 'Exited',
    startedAt: current.startedAt ?? now,
    finishedAt: now,
    exitCode: 137,
    reason: 'ContainerStatusUnknown',
    message: 'The container ended with its sandbox, out of the sight of its node',
  });
}
