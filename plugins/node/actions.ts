import {
  type Container,
  isStatus,
  type Pod,
  Pods,
  type Probe,
  type Runtime,
  RuntimeClasses,
} from 'orlop/plugin';
import { ContainerActions } from './container-actions.ts';
import type { Action } from './decide.ts';
import type { NodeContext } from './node.ts';
import type { ProbeKind } from './probe-state.ts';
import { chooseRuntime } from './runtime-choice.ts';
import { lose, type PodState } from './state.ts';
import { pause } from './status-writer.ts';
import { setUpVolumes, tearDownVolumes, type VolumePaths } from './volumes.ts';
import type { PodWorker } from './worker.ts';

const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 60_000;
const REFRESH_MS = 60_000;
/** How long a closing agent waits for what is being made. */
const CLOSE_MS = 5_000;

/** Carries out a pod's actions. Each marks the state at once, runs beside the worker's loop, and wakes it at its end. */
export class PodActions {
  readonly #node: NodeContext;
  readonly #worker: PodWorker;
  readonly #containers: ContainerActions;
  readonly #making = new Set<Promise<void>>();
  readonly #closed = new AbortController();
  readonly #signal: AbortSignal;
  #volumes: VolumePaths = new Map();
  /** Drivers are asked one thing at a time about a pod's volumes. */
  #turn: Promise<unknown> = Promise.resolve();
  #refresh: NodeJS.Timeout | undefined;
  #refreshing = false;
  #failures = 0;

  constructor(node: NodeContext, worker: PodWorker) {
    this.#node = node;
    this.#worker = worker;
    this.#signal = AbortSignal.any([node.signal, this.#closed.signal]);
    this.#containers = new ContainerActions(node, worker, this.#signal, {
      runtime: () => this.#runtime(),
      volumes: () => this.#mounted(),
    });
  }

  act(action: Action): void {
    const { state } = this.#worker;
    switch (action.do) {
      case 'prepare':
        state.preparing = true;
        this.#make(this.#prepare());
        break;
      case 'pull':
        void this.#beside(this.#containers.pull(action.container));
        break;
      case 'start':
        this.#make(this.#containers.start(action.container, action.attempt));
        break;
      case 'stop':
        void this.#beside(this.#containers.stop(action.container, action.grace, 'Stopping container'));
        break;
      case 'resize':
        void this.#beside(this.#containers.resize(action.container));
        break;
      case 'fail':
        state.failure = { reason: action.reason, message: action.message };
        this.#worker.event('Warning', action.reason, action.message);
        this.#worker.wake();
        break;
      case 'release':
        state.releasing = true;
        void this.#beside(this.#release());
        break;
      case 'remove':
        state.releasing = true;
        void this.#beside(this.#remove());
        break;
    }
  }

  /** Stops a container that fails its probe; the loop starts it again. */
  restart(container: Container, kind: ProbeKind, probe: Probe): void {
    const { pod, state } = this.#worker;
    const record = state.containers.get(container.name)!;
    if (record.stopping !== undefined || record.current?.state !== 'Running') return;
    record.restart = record.current.attempt;
    const grace = probe.terminationGracePeriodSeconds ?? pod.spec?.terminationGracePeriodSeconds ?? 30;
    const what = `Container ${container.name} failed ${kind} probe, will be restarted`;
    void this.#beside(this.#containers.stop(container, Math.max(1, grace), what));
    this.#worker.wake();
  }

  /**
   * Returns when sandboxes and containers that were being made are made, so that a successor finds them, and nothing is done to volumes any
   * more. Does not wait for stops, which may take their grace period and can be done twice, nor long for hooks.
   */
  async close(): Promise<void> {
    clearTimeout(this.#refresh);
    this.#closed.abort();
    const settled = new AbortController();
    const all = Promise.all([...this.#making, this.#turn]).finally(() => settled.abort());
    await Promise.race([all, pause(CLOSE_MS, settled.signal)]);
  }

  /** Work that leaves something behind. */
  #make(work: Promise<void>): void {
    const made = this.#beside(work).finally(() => this.#making.delete(made));
    this.#making.add(made);
  }

  #beside(work: Promise<void>): Promise<void> {
    return work
      .catch((error: unknown) => {
        if (this.#signal.aborted) return;
        const { namespace, name } = this.#worker.pod.metadata!;
        this.#node.log.error(`pod ${namespace}/${name}: unexpected error`, { error: String(error) });
      })
      .finally(() => this.#worker.wake());
  }

  async #prepare(): Promise<void> {
    const { pod, state } = this.#worker;
    let step = 'FailedCreatePodSandBox';
    try {
      const runtime = await this.#runtime();
      const old = state.sandbox;
      if (old) {
        await runtime.stopPodSandbox(old.id);
        await runtime.removePodSandbox(old.id);
      }
      step = 'FailedMount';
      this.#volumes = await this.#inTurn(() => setUpVolumes(this.#node, pod));
      this.#keepFresh(pod);
      step = 'FailedCreatePodSandBox';
      const { network } = this.#node;
      const uid = pod.metadata!.uid!;
      const address = pod.spec?.hostNetwork
        ? network.nodeIP
        : (await network.add(uid, runtime.attachment)).ip;
      const sandbox = await runtime.runPodSandbox({
        pod,
        ip: address,
        bridge: network.bridge,
        hostname: (pod.spec?.hostname ?? pod.metadata!.name!).slice(0, 63),
      });
      state.sandbox = { ...sandbox, ready: true };
      state.refused = undefined;
      for (const record of state.containers.values()) record.refused = undefined;
      this.#failures = 0;
    } catch (error) {
      this.#refuse(state, step, error);
    } finally {
      state.preparing = false;
    }
  }

  #refuse(state: PodState, reason: string, error: unknown): void {
    if (this.#signal.aborted) return;
    const message = error instanceof Error ? error.message : String(error);
    const text = reason === 'FailedMount' ? message : `Failed to create pod sandbox: ${message}`;
    this.#worker.event('Warning', reason, text);
    const now = Date.now();
    const retryAt = now + Math.min(FIRST_RETRY_MS * 2 ** this.#failures, MAX_RETRY_MS);
    this.#failures += 1;
    const waiting = reason === 'FailedMount' ? 'ContainerCreating' : 'CreatePodSandboxError';
    state.refused = { reason: waiting, message, at: now, retryAt };
  }

  async #release(): Promise<void> {
    const { pod, state, runtime } = this.#worker;
    try {
      clearTimeout(this.#refresh);
      if (state.sandbox && runtime) await runtime.stopPodSandbox(state.sandbox.id);
      // The rest is its successor's.
      this.#signal.throwIfAborted();
      await this.#inTurn(() => tearDownVolumes(this.#node, pod));
      await this.#node.network.del(pod.metadata!.uid!);
      if (state.sandbox) state.sandbox = { ...state.sandbox, ready: false };
      for (const record of state.containers.values()) lose(record, new Date().toISOString());
      state.released = true;
    } catch (error) {
      await this.#failedKill(error);
    } finally {
      state.releasing = false;
    }
  }

  async #remove(): Promise<void> {
    const { pod, state, runtime } = this.#worker;
    const { namespace, name, uid } = pod.metadata!;
    try {
      if (!state.gone) await this.#worker.writeStatus();
      if (state.sandbox && runtime) await runtime.removePodSandbox(state.sandbox.id);
      if (!state.gone) {
        await this.#node.objects.delete(Pods, { namespace, name: name! }, { uid, gracePeriodSeconds: 0 });
      }
      state.removed = true;
    } catch (error) {
      if (isStatus(error, 'NotFound', 'Conflict')) state.removed = true;
      else await this.#failedKill(error);
    } finally {
      state.releasing = false;
    }
  }

  async #failedKill(error: unknown): Promise<void> {
    if (this.#signal.aborted) return;
    this.#worker.event('Warning', 'FailedKillPod', `error killing pod: ${String(error)}`);
    await pause(FIRST_RETRY_MS, this.#signal);
  }

  /** The pod's runtime, chosen once. Throws when there is none. */
  async #runtime(): Promise<Runtime> {
    const { pod } = this.#worker;
    if (this.#worker.runtime) return this.#worker.runtime;
    const { objects, runtimes, config } = this.#node;
    const name = pod.spec?.runtimeClassName;
    const runtimeClass = name ? await objects.get(RuntimeClasses, { name }, { revision: 0 }) : undefined;
    const choice = chooseRuntime(pod, runtimeClass?.value, runtimes, config.defaultRuntime);
    if (!choice.ok) throw new Error(choice.message);
    this.#worker.runtime = choice.runtime;
    return choice.runtime;
  }

  /** The volumes of a pod found running are set up again at the first need. */
  async #mounted(): Promise<VolumePaths> {
    if (this.#volumes.size === 0 && this.#worker.pod.spec?.volumes?.length) {
      this.#volumes = await this.#inTurn(() => setUpVolumes(this.#node, this.#worker.pod));
      this.#keepFresh(this.#worker.pod);
    }
    return this.#volumes;
  }

  /** Projected volumes follow their ConfigMaps and Secrets. */
  #keepFresh(pod: Pod): void {
    clearTimeout(this.#refresh);
    // What was being set up when the agent was closed may end after it.
    if (this.#signal.aborted || !pod.spec?.volumes?.length) return;
    this.#refresh = setTimeout(() => this.refresh(), REFRESH_MS);
  }

  /** Takes over what has changed in the pod's volumes. */
  refresh(): void {
    const { state } = this.#worker;
    const isUsed = (): boolean => Boolean(state.sandbox?.ready) && !state.releasing && !this.#signal.aborted;
    if (!isUsed() || this.#refreshing) return;
    this.#refreshing = true;
    const refreshed = this.#inTurn(async () => {
      this.#refreshing = false;
      if (isUsed()) await setUpVolumes(this.#node, this.#worker.pod);
    });
    void this.#beside(
      refreshed
        .catch((error: unknown) => this.#worker.event('Warning', 'FailedMount', String(error)))
        .finally(() => this.#keepFresh(this.#worker.pod)),
    );
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return await turn;
  }
}
