import {
  type Container,
  type ContainerEvent,
  type ContainerState,
  type Pod,
  type PodSandbox,
  Pods,
  type ResourceAmounts,
  type Runtime,
  timestamp,
} from 'orlop/plugin';
import { PodActions } from './actions.ts';
import { initialState, observeSandbox } from './adopt.ts';
import { backOffs } from './back-offs.ts';
import { decide, isEnding } from './decide.ts';
import type { NodeContext } from './node.ts';
import { Prober } from './prober.ts';
import { allocate } from './resize.ts';
import { addContainers, isEphemeral, lose, observe, type PodState } from './state.ts';
import { podStatus } from './status.ts';
import { StatusWriter } from './status-writer.ts';

/**
 * Runs one pod: a loop that decides, acts and tells, each time something happened. Nothing in it waits: actions run beside it and wake it
 * when they end, so that a deletion or an exit is answered at once.
 */
export class PodWorker {
  readonly uid: string;
  readonly state: PodState;
  /** Set once the pod's runtime is chosen. */
  runtime: Runtime | undefined;
  pod: Pod;
  readonly #node: NodeContext;
  readonly #actions: PodActions;
  readonly #prober: Prober;
  readonly #status: StatusWriter;
  readonly #others: () => ResourceAmounts;
  readonly #onDone: () => void;
  #timer: NodeJS.Timeout | undefined;
  #scheduled = false;
  #closed = false;

  /** `found` is what already runs of it. `others`: what the node's other pods were given. `onDone` is called once, when nothing of the pod is left. */
  constructor(
    node: NodeContext,
    pod: Pod,
    found: { runtime: Runtime; sandbox: PodSandbox } | undefined,
    others: () => ResourceAmounts,
    onDone: () => void,
  ) {
    this.uid = pod.metadata!.uid!;
    this.pod = pod;
    this.runtime = found?.runtime;
    this.#node = node;
    this.#others = others;
    this.#onDone = onDone;
    this.state = initialState(pod, found?.sandbox, new Date().toISOString());
    this.state.startTime = pod.status?.startTime ?? timestamp();
    this.#status = new StatusWriter(node, pod, (draft) => this.#computeStatus(draft));
    this.#actions = new PodActions(node, this);
    this.#prober = new Prober({
      changed: () => this.wake(),
      unhealthy: (container, kind, message) =>
        this.event('Warning', 'Unhealthy', `${capital(kind)} probe failed: ${message}`, container),
      failed: (container, kind, probe) => this.#actions.restart(container, kind, probe),
    });
    // Its volumes may have missed something while nobody looked.
    this.#actions.refresh();
    this.wake();
  }

  /** The pod's object has changed. */
  update(pod: Pod): void {
    const waits = backOffs(this.pod, pod);
    this.pod = pod;
    for (const { type, reason, message, container } of waits) this.event(type, reason, message, container);
    addContainers(pod, this.state);
    this.wake();
  }

  /** The pod's object is gone. */
  gone(): void {
    this.state.gone = true;
    this.wake();
  }

  /** Something the pod refers to, or waits for, has appeared or changed: what was refused is tried at once. */
  retry(): void {
    this.state.refused = undefined;
    for (const record of this.state.containers.values()) {
      record.refused = undefined;
      if (!this.runtime) record.image = undefined;
    }
    this.#actions.refresh();
    this.wake();
  }

  async onContainerEvent(event: ContainerEvent): Promise<void> {
    const seen = await this.runtime?.containerStatus(event.containerId);
    if (seen) this.observe(seen);
  }

  observe(seen: ContainerState): void {
    const record = this.state.containers.get(seen.name);
    if (record && observe(record, seen)) this.wake();
  }

  /** Something failed that the loss of the sandbox would explain. */
  async verifySandbox(): Promise<void> {
    const id = this.state.sandbox?.id;
    const listed = await this.runtime?.listPodSandbox();
    if (listed) this.observeSandbox(listed.find((sandbox) => sandbox.id === id));
  }

  /** What the runtime lists of the pod's sandbox; `undefined`: nothing. */
  observeSandbox(sandbox: PodSandbox | undefined): void {
    const { state } = this;
    if (!state.sandbox || state.preparing || state.releasing || state.released) return;
    if (sandbox && sandbox.id !== state.sandbox.id) return;
    if (sandbox && observeSandbox(state, sandbox)) this.wake();
    if (sandbox?.ready || !state.sandbox.ready) return;
    this.event('Normal', 'SandboxChanged', 'Pod sandbox changed, it will be killed and re-created.');
    state.sandbox = { ...state.sandbox, ready: false };
    for (const record of state.containers.values()) lose(record, new Date().toISOString());
    this.wake();
  }

  /** Decides again as soon as the present turn is over. */
  wake(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      if (!this.#closed) this.#sync();
    });
  }

  event(type: 'Normal' | 'Warning', reason: string, message: string, container?: Container): void {
    this.#node.events.event(Pods, this.pod, {
      type,
      reason,
      message,
      ...(container && { fieldPath: `spec.${this.#listOf(container)}{${container.name}}` }),
    });
  }

  #listOf(container: Container): string {
    if (isEphemeral(this.pod, container)) return 'ephemeralContainers';
    return this.pod.spec?.initContainers?.includes(container) ? 'initContainers' : 'containers';
  }

  /** Returns when the store knows the present status. */
  writeStatus(): Promise<void> {
    return this.#status.write(this.pod);
  }

  /** Ends the loop and leaves the pod as it is. Returns when what it was making is made. */
  close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#prober.close();
    return this.#actions.close();
  }

  #sync(): void {
    clearTimeout(this.#timer);
    const now = Date.now();
    const before = this.state.resize;
    allocate(this.pod, this.state, { allocatable: this.#node.allocatable, used: this.#others });
    const { resize } = this.state;
    if (resize && resize.message !== before?.message)
      this.event('Warning', `Resize${resize.reason}`, resize.message);
    const { actions, wakeAt } = decide(this.pod, this.state, now, this.#node.crashLoop);
    for (const action of actions) this.#actions.act(action);
    if (this.state.removed && this.state.gone) {
      void this.close();
      this.#onDone();
      return;
    }
    if (this.runtime && !isEnding(this.pod, this.state))
      this.#prober.sync(this.pod, this.state, this.runtime);
    else this.#prober.close();
    if (!this.state.gone && !this.state.removed) void this.writeStatus();
    if (wakeAt !== undefined) {
      const after = Math.min(Math.max(wakeAt - now, 1), 0x7fff_ffff);
      this.#timer = setTimeout(() => this.wake(), after);
    }
  }

  #computeStatus(draft: Pod) {
    const facts = {
      nodeIP: this.#node.network.nodeIP,
      handler: this.runtime?.handler ?? schemeOf(draft) ?? this.#node.config.defaultRuntime,
      limits: this.#node.crashLoop,
    };
    return podStatus(draft, this.state, facts, Date.now());
  }
}

/** The runtime that ran the pod before: `docker` of `docker://abc`. */
function schemeOf(pod: Pod): string | undefined {
  const id = pod.status?.containerStatuses?.find((status) => status.containerID)?.containerID;
  return id?.slice(0, id.indexOf('://'));
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
