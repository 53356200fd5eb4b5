import { type Container, type PullPolicy, parseQuantity, type Runtime } from 'orlop/plugin';
import { CRASH_LOOP, raise } from './backoff.ts';
import { containerConfig } from './container-config.ts';
import { ConfigError } from './env.ts';
import { type Handler, runHandler, type Target } from './handlers.ts';
import type { NodeContext } from './node.ts';
import { takesRestart } from './resize.ts';
import { type ContainerRecord, observe, type Refusal, type Resources } from './state.ts';
import { pause } from './status-writer.ts';
import type { VolumePaths } from './volumes.ts';
import type { PodWorker } from './worker.ts';

const RETRY_MS = 5_000;
/**
 * How long a ready container goes on serving before it is told to stop: so long load balancers may take to hear that its pod is ending.
 * Kubelet leaves this to a preStop hook that sleeps; with it, a rollout loses no request.
 */
const FORGET_MS = 250;
/** Exit code of a container that could not be started, as Docker has it. */
const CANNOT_START = 128;

interface PodParts {
  runtime(): Promise<Runtime>;
  volumes(): Promise<VolumePaths>;
}

/** Pulls, starts and stops the containers of one pod. */
export class ContainerActions {
  readonly #node: NodeContext;
  readonly #worker: PodWorker;
  readonly #signal: AbortSignal;
  readonly #parts: PodParts;

  constructor(node: NodeContext, worker: PodWorker, signal: AbortSignal, parts: PodParts) {
    this.#node = node;
    this.#worker = worker;
    this.#signal = signal;
    this.#parts = parts;
  }

  async pull(container: Container): Promise<void> {
    const record = this.#record(container);
    record.image = { phase: 'pulling' };
    const image = container.image ?? '';
    const policy = pullPolicy(container);
    let runtime: Runtime;
    try {
      runtime = await this.#parts.runtime();
    } catch (error) {
      record.image = { phase: 'refused', ...refusal('CreatePodSandboxError', messageOf(error)) };
      return;
    }
    const began = Date.now();
    const present = policy === 'Always' ? undefined : await this.#pull(runtime, image, 'Never');
    if (!present?.ok && policy !== 'Never')
      this.#event(container, 'Normal', 'Pulling', `Pulling image "${image}"`);
    const result = present?.ok || policy === 'Never' ? present! : await this.#pull(runtime, image, policy);
    if (this.#signal.aborted) return;
    if (result.ok) {
      record.image = { phase: 'ready', id: result.imageId };
      record.pulls = undefined;
      const how = present?.ok
        ? `Container image "${image}" already present on machine`
        : `Successfully pulled image "${image}" in ${Date.now() - began}ms`;
      this.#event(container, 'Normal', 'Pulled', how);
      return;
    }
    const now = Date.now();
    record.pulls = raise(record.pulls, now, CRASH_LOOP);
    const { reason, message } = result;
    record.image = { phase: 'refused', reason, message, at: now, retryAt: now + record.pulls.delay };
    this.#event(container, 'Warning', 'Failed', `Failed to pull image "${image}": ${message}`);
    this.#event(container, 'Warning', 'Failed', `Error: ${reason}`);
  }

  async start(container: Container, attempt: number): Promise<void> {
    const record = this.#record(container);
    const image = record.image?.phase === 'ready' ? record.image.id : '';
    const { current } = record;
    record.starting = true;
    record.refused = undefined;
    if (current?.state === 'Exited') record.crashes = raise(record.crashes, Date.now(), this.#node.crashLoop);
    try {
      const runtime = await this.#parts.runtime();
      const id = await this.#create(runtime, container, record, attempt, image);
      if (id !== undefined) await this.#startCreated(runtime, container, record, id);
    } finally {
      record.starting = false;
      record.image = undefined;
    }
  }

  /** Stops a container within `grace` seconds, its preStop hook included. */
  async stop(container: Container, grace: number, why: string): Promise<void> {
    const { runtime, pod } = this.#worker;
    const record = this.#record(container);
    const { current } = record;
    if (!runtime || !current) return;
    const again = record.stopping !== undefined;
    const deadline = Date.now() + grace * 1000;
    record.stopping = deadline;
    const told = why === 'Stopping container' ? `${why} ${container.name}` : why;
    if (!again) this.#event(container, 'Normal', 'Killing', told);
    const forgotten = again || grace <= 1 || !record.ready ? undefined : pause(FORGET_MS, this.#signal);
    const hook = container.lifecycle?.preStop;
    if (hook && !again) await this.#hook(runtime, container, current.id, hook, 'PreStop', grace);
    await forgotten;
    // With a shorter period asked for meanwhile, that call stops it.
    if (record.stopping !== deadline || record.current !== current) return;
    try {
      await runtime.stopContainer(current.id, Math.max(0, Math.ceil((deadline - Date.now()) / 1000)));
      const ended = await runtime.containerStatus(current.id);
      observe(record, ended?.state === 'Exited' ? ended : { ...current, ...vanished() });
    } catch (error) {
      const { namespace, name } = pod.metadata!;
      this.#node.log.warn(`container ${container.name} of pod ${namespace}/${name} could not be stopped`, {
        error: String(error),
      });
      await pause(RETRY_MS, this.#signal);
    } finally {
      if (record.stopping === deadline) record.stopping = undefined;
    }
  }

  /** Gives a running container what it was allocated: as it runs, or by a new start where its `resizePolicy` says so. */
  async resize(container: Container): Promise<void> {
    const { runtime, pod } = this.#worker;
    const record = this.#record(container);
    const { current, allocated = {}, resources } = record;
    if (!runtime || current?.state !== 'Running') return;
    record.resizing = true;
    try {
      if (takesRestart(container, resources, allocated)) {
        record.restart = current.attempt;
        const grace = Math.max(1, pod.spec?.terminationGracePeriodSeconds ?? 30);
        await this.stop(container, grace, `Container ${container.name} resize requires restart`);
        return;
      }
      await this.#refuseBelowUsage(runtime, current.id, allocated);
      const result = await runtime.updateContainerResources?.(current.id, allocated);
      record.resizeError = undefined;
      if (result?.ok) {
        record.resources = allocated;
        return;
      }
      const message = result?.message ?? `the runtime ${runtime.handler} cannot resize a container that runs`;
      record.unresizable = { wanted: allocated, message };
      record.allocated = resources;
    } catch (error) {
      const message = messageOf(error);
      record.resizeError = { message, retryAt: Date.now() + RETRY_MS };
      this.#event(container, 'Warning', 'ResizeError', message);
    } finally {
      record.resizing = false;
    }
  }

  /** The kernel would end the container. */
  async #refuseBelowUsage(runtime: Runtime, id: string, { limits }: Resources): Promise<void> {
    const limit = parseQuantity(limits?.['memory'] ?? '');
    if (limit === undefined) return;
    const used = (await runtime.containerStats?.(id))?.workingSetBytes ?? 0;
    if (used > limit)
      throw new Error(`attempting to set container memory limit (${limit}) below current usage (${used})`);
  }

  async #create(
    runtime: Runtime,
    container: Container,
    record: ContainerRecord,
    attempt: number,
    imageId: string,
  ): Promise<string | undefined> {
    const { pod, state } = this.#worker;
    const sandbox = state.sandbox!;
    try {
      const volumes = await this.#parts.volumes();
      const resources = record.allocated ?? {};
      const config = await containerConfig(
        this.#node,
        pod,
        { ...container, resources },
        {
          attempt,
          imageId,
          podIP: sandbox.ip,
          volumes,
          target: this.#target(container),
        },
      );
      const { id } = await runtime.createContainer(sandbox.id, config);
      const oldest = record.previous;
      observe(record, {
        id,
        name: container.name,
        attempt,
        state: 'Created',
        imageId,
        image: container.image ?? '',
      });
      record.sandbox = sandbox.id;
      record.resources = resources;
      record.restart = undefined;
      record.started = container.startupProbe === undefined;
      record.ready = container.readinessProbe === undefined;
      this.#event(container, 'Normal', 'Created', `Created container: ${container.name}`);
      if (oldest?.id) await runtime.removeContainer(oldest.id);
      return id;
    } catch (error) {
      const reason = error instanceof ConfigError ? 'CreateContainerConfigError' : 'CreateContainerError';
      const message = messageOf(error);
      record.refused = refusal(reason, message);
      this.#event(container, 'Warning', 'Failed', `Error: ${message}`);
      if (!(error instanceof ConfigError)) await this.#worker.verifySandbox();
      return undefined;
    }
  }

  /** The id of the container whose processes an ephemeral one is to see. */
  #target({ name, targetContainerName: target }: Container & { targetContainerName?: string }) {
    if (!target) return undefined;
    const current = this.#worker.state.containers.get(target)?.current;
    if (current?.state === 'Running') return current.id;
    throw new ConfigError(`unable to find target container ${target}: container ${name} waits until it runs`);
  }

  async #startCreated(
    runtime: Runtime,
    container: Container,
    record: ContainerRecord,
    id: string,
  ): Promise<void> {
    try {
      await runtime.startContainer(id);
    } catch (error) {
      const message = messageOf(error);
      this.#event(container, 'Warning', 'Failed', `Error: ${message}`);
      const failed = { ...vanished(), exitCode: CANNOT_START, reason: 'StartError', message };
      observe(record, { ...record.current!, ...failed });
      return;
    }
    this.#event(container, 'Normal', 'Started', `Started container ${container.name}`);
    const state = await runtime.containerStatus(id);
    if (state) observe(record, state);
    this.#worker.wake();
    const hook = container.lifecycle?.postStart;
    if (!hook) return;
    const { pod } = this.#worker;
    const ok = await this.#hook(runtime, container, id, hook, 'PostStart', Number.POSITIVE_INFINITY);
    if (ok || record.current?.state !== 'Running') return;
    record.restart = record.current.attempt;
    const grace = pod.spec?.terminationGracePeriodSeconds ?? 30;
    await this.stop(container, Math.max(1, grace), `Container ${container.name} failed its PostStart hook`);
  }

  async #hook(
    runtime: Runtime,
    container: Container,
    containerId: string,
    hook: Handler,
    name: 'PostStart' | 'PreStop',
    timeout: number,
  ): Promise<boolean> {
    const { sandbox } = this.#worker.state;
    if (!sandbox) return false;
    const target: Target = { runtime, sandboxId: sandbox.id, containerId, container, podIP: sandbox.ip };
    const outcome = await runHandler(hook, target, Math.min(timeout, 3600));
    if (outcome.ok) return true;
    this.#event(container, 'Warning', `Failed${name}Hook`, `${name}Hook failed: ${outcome.message}`);
    return false;
  }

  #pull(runtime: Runtime, image: string, policy: PullPolicy) {
    return runtime.pullImage(image, { policy, signal: this.#signal });
  }

  #record(container: Container): ContainerRecord {
    return this.#worker.state.containers.get(container.name)!;
  }

  #event(container: Container, type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.#worker.event(type, reason, message, container);
  }
}

/** What Kubernetes defaults to: `Always` for `:latest` or no tag, else `IfNotPresent`. */
export function pullPolicy({ image = '', imagePullPolicy }: Container): PullPolicy {
  if (imagePullPolicy) return imagePullPolicy as PullPolicy;
  const name = image.slice(image.lastIndexOf('/') + 1);
  if (name.includes('@')) return 'IfNotPresent';
  return !name.includes(':') || name.endsWith(':latest') ? 'Always' : 'IfNotPresent';
}

function refusal(reason: string, message: string): Refusal {
  const at = Date.now();
  return { reason, message, at, retryAt: at + RETRY_MS };
}

function vanished() {
  const now = new Date().toISOString();
  return {
    state: 'Exited' as const,
    startedAt: now,
    finishedAt: now,
    exitCode: 137,
    reason: 'ContainerStatusUnknown',
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
