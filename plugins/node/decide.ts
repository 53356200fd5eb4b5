import type { Container, Pod } from 'orlop/plugin';
import { allowedAt, type BackoffLimits } from './backoff.ts';
import { sameResources } from './resize.ts';
import {
  type ContainerRecord,
  ephemeralContainers,
  isDone,
  isFailedInit,
  isInitDone,
  isRunning,
  isSidecar,
  type PodState,
} from './state.ts';

export type Action =
  /** Volumes, address, sandbox. */
  | { do: 'prepare' }
  | { do: 'pull'; container: Container }
  | { do: 'start'; container: Container; attempt: number }
  /** Stop within `grace` seconds. */
  | { do: 'stop'; container: Container; grace: number }
  /** Give it, while it runs, what it was allocated. */
  | { do: 'resize'; container: Container }
  /** The pod is to end, for this reason. */
  | { do: 'fail'; reason: string; message: string }
  /** Stop the sandbox, free the address and the volumes; the logs stay. */
  | { do: 'release' }
  /** Remove what is left, and the object. */
  | { do: 'remove' };

export interface Decision {
  actions: Action[];
  /** Decide again at this time even if nothing happens, milliseconds since the epoch. */
  wakeAt: number | undefined;
}

/**
 * What to do next for a pod: the node agent's core, a pure function. Actions under way are marked in `state`, so that deciding again is
 * harmless. Source: kubelet's `computePodActions` and `SyncPod`.
 */
export function decide(pod: Pod, state: PodState, now: number, limits: BackoffLimits): Decision {
  const decision = new Decisions(pod, state, now, limits);
  if (isEnding(pod, state)) decision.end();
  else decision.run();
  return { actions: decision.actions, wakeAt: decision.wakeAt };
}

/** Deleted, failed by the agent or by somebody else, or all containers have done their work. */
export function isEnding(pod: Pod, state: PodState): boolean {
  const phase = pod.status?.phase;
  if (isDeleted(pod, state) || state.failure || state.released) return true;
  if (phase === 'Succeeded' || phase === 'Failed') return true;
  const { containers = [], initContainers = [] } = pod.spec ?? {};
  if (initContainers.some((each) => !isSidecar(each) && isFailedInit(pod, state.containers.get(each.name)))) {
    return true;
  }
  return containers.length > 0 && containers.every((each) => isDone(pod, state.containers.get(each.name)));
}

function isDeleted(pod: Pod, state: PodState): boolean {
  return state.gone || pod.metadata?.deletionTimestamp !== undefined;
}

class Decisions {
  readonly actions: Action[] = [];
  wakeAt: number | undefined;
  readonly #pod: Pod;
  readonly #state: PodState;
  readonly #now: number;
  readonly #limits: BackoffLimits;

  constructor(pod: Pod, state: PodState, now: number, limits: BackoffLimits) {
    this.#pod = pod;
    this.#state = state;
    this.#now = now;
    this.#limits = limits;
  }

  run(): void {
    if (!this.#withinDeadline()) return;
    const { sandbox } = this.#state;
    if (!sandbox?.ready) this.#prepare();
    for (const container of ephemeralContainers(this.#pod.spec)) this.#startOnce(container);
    const { initContainers = [], containers = [] } = this.#pod.spec ?? {};
    const begun = containers.some(({ name }) => this.#isHere(this.#record(name)));
    for (const container of initContainers) {
      const record = this.#record(container.name);
      if (isSidecar(container)) {
        this.#keep(container, record);
        if (!begun && !(isRunning(record) && record.started && !record.starting)) return;
      } else if (!begun && !(isInitDone(record) && this.#isHere(record))) {
        this.#keep(container, record);
        return;
      }
    }
    for (const container of containers) {
      const record = this.#record(container.name);
      if (!isDone(this.#pod, record)) this.#keep(container, record);
    }
  }

  end(): void {
    const { releasing, released, removed, preparing } = this.#state;
    const grace = this.#grace();
    const { containers = [], initContainers = [] } = this.#pod.spec ?? {};
    const live = (container: Container): boolean => {
      const record = this.#record(container.name);
      return isRunning(record) || record.starting || record.stopping !== undefined;
    };
    const regular = [
      ...containers,
      ...ephemeralContainers(this.#pod.spec),
      ...initContainers.filter((each) => !isSidecar(each)),
    ].filter(live);
    const last = regular.length > 0 ? regular : initContainers.filter(live);
    for (const container of last) this.#stop(container, grace);
    if (last.length > 0 || preparing || releasing) return;
    if (!released) this.actions.push({ do: 'release' });
    else if (isDeleted(this.#pod, this.#state) && !removed) this.actions.push({ do: 'remove' });
  }

  /** Started in the present sandbox: in a new one, init containers run again. */
  #isHere(record: ContainerRecord): boolean {
    return record.current !== undefined && record.sandbox === this.#state.sandbox?.id;
  }

  #withinDeadline(): boolean {
    const seconds = this.#pod.spec?.activeDeadlineSeconds;
    if (seconds === undefined) return true;
    const deadline = Date.parse(this.#state.startTime) + seconds * 1000;
    if (deadline <= this.#now) {
      const message = 'Pod was active on the node longer than the specified deadline';
      this.actions.push({ do: 'fail', reason: 'DeadlineExceeded', message });
      return false;
    }
    this.#wake(deadline);
    return true;
  }

  #prepare(): void {
    const { preparing, refused } = this.#state;
    if (preparing) return;
    if (refused && refused.retryAt > this.#now) this.#wake(refused.retryAt);
    else this.actions.push({ do: 'prepare' });
  }

  /** Makes a container run that should. */
  #keep(container: Container, record: ContainerRecord): void {
    if (isRunning(record)) this.#resize(container, record);
    if (isRunning(record) || record.starting || record.stopping !== undefined) return;
    const { current, refused } = record;
    if (current?.state === 'Exited') {
      const allowed = allowedAt(record.crashes, Date.parse(current.finishedAt!), this.#limits);
      if (allowed > this.#now) {
        this.#wake(allowed);
        return;
      }
    }
    if (refused && refused.retryAt > this.#now) {
      this.#wake(refused.retryAt);
      return;
    }
    const { image } = record;
    if (image?.phase === 'pulling') return;
    if (image?.phase === 'refused' && image.retryAt > this.#now) {
      this.#wake(image.retryAt);
      const told = image.at + IMAGE_ERROR_SHOWN;
      if (told > this.#now) this.#wake(told);
      return;
    }
    if (image?.phase !== 'ready') this.actions.push({ do: 'pull', container });
    else if (this.#state.sandbox?.ready) {
      this.actions.push({ do: 'start', container, attempt: current ? current.attempt + 1 : 0 });
    }
  }

  /** Nothing waits for an ephemeral container, and it never runs again. */
  #startOnce(container: Container): void {
    const record = this.#record(container.name);
    if (!record.current) this.#keep(container, record);
  }

  #resize(container: Container, record: ContainerRecord): void {
    const { resizing, starting, stopping, resizeError } = record;
    if (resizing || starting || stopping !== undefined) return;
    if (sameResources(record.allocated, record.resources)) return;
    if (resizeError && resizeError.retryAt > this.#now) this.#wake(resizeError.retryAt);
    else this.actions.push({ do: 'resize', container });
  }

  #stop(container: Container, grace: number): void {
    const record = this.#record(container.name);
    // Between its creation and its start there is nothing to stop yet.
    if (!isRunning(record) || (record.starting && record.current?.state === 'Created')) return;
    const deadline = this.#now + grace * 1000;
    if (record.stopping !== undefined && record.stopping <= deadline) return;
    this.actions.push({ do: 'stop', container, grace });
  }

  /** At least a second, as kubelet has it. */
  #grace(): number {
    const { metadata, spec } = this.#pod;
    return Math.max(1, metadata?.deletionGracePeriodSeconds ?? spec?.terminationGracePeriodSeconds ?? 30);
  }

  #record(name: string): ContainerRecord {
    return this.#state.containers.get(name)!;
  }

  #wake(at: number): void {
    this.wakeAt = Math.min(this.wakeAt ?? at, at);
  }
}

/** How long a pull's own error is shown before `ImagePullBackOff`, milliseconds. */
export const IMAGE_ERROR_SHOWN = 3_000;
