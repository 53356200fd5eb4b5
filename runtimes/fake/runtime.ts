import { randomUUID } from 'node:crypto';
import {
  type ContainerConfig,
  type ContainerEvent,
  type ContainerState,
  type ContainerStats,
  type ExecResult,
  type LogLine,
  type LogOptions,
  type PodSandbox,
  type PodSandboxConfig,
  type PullPolicy,
  type PullResult,
  type Runtime,
  StatusError,
} from 'orlop/plugin';
import type { Behaviour } from './behaviour.ts';
import { FakeContainer } from './container.ts';

interface Sandbox {
  readonly id: string;
  readonly config: PodSandboxConfig;
  readonly containers: Set<FakeContainer>;
  ready: boolean;
}

/** A runtime that runs nothing; its pods live as long as the object. */
export class FakeRuntime implements Runtime {
  readonly handler = 'fake';
  readonly version = 'fake://1.0.0';
  readonly attachment = 'local';
  readonly #sandboxes = new Map<string, Sandbox>();
  /** The newest sandbox of each pod. */
  readonly #byPod = new Map<string, Sandbox>();
  readonly #containers = new Map<string, { sandbox: Sandbox; container: FakeContainer }>();
  readonly #listeners = new Set<(event: ContainerEvent) => void>();

  /** Every image exists, except those whose name begins with `missing/`. */
  async pullImage(image: string, options: { policy: PullPolicy }): Promise<PullResult> {
    if (/[\sA-Z]/.test(image.split(':')[0]!)) {
      return { ok: false, reason: 'InvalidImageName', message: `couldn't parse image name "${image}"` };
    }
    if (!image.startsWith('missing/')) return { ok: true, imageId: `fake://${image}` };
    return options.policy === 'Never'
      ? { ok: false, reason: 'ErrImageNeverPull', message: `Container image "${image}" is not present` }
      : { ok: false, reason: 'ErrImagePull', message: `image "${image}" not found` };
  }

  async runPodSandbox(config: PodSandboxConfig): Promise<{ id: string; ip: string }> {
    const uid = config.pod.metadata!.uid!;
    const known = this.#byPod.get(uid);
    if (known?.ready) return { id: known.id, ip: known.config.ip };
    const sandbox: Sandbox = { id: randomUUID(), config, containers: new Set(), ready: true };
    this.#sandboxes.set(sandbox.id, sandbox);
    this.#byPod.set(uid, sandbox);
    return { id: sandbox.id, ip: config.ip };
  }

  async stopPodSandbox(id: string): Promise<void> {
    const sandbox = this.#sandboxes.get(id);
    if (!sandbox) return;
    sandbox.ready = false;
    for (const container of sandbox.containers) container.exit(137);
  }

  async removePodSandbox(id: string): Promise<void> {
    const sandbox = this.#sandboxes.get(id);
    if (!sandbox) return;
    await this.stopPodSandbox(id);
    for (const container of sandbox.containers) this.#containers.delete(container.state.id);
    this.#sandboxes.delete(id);
    const uid = sandbox.config.pod.metadata!.uid!;
    if (this.#byPod.get(uid) === sandbox) this.#byPod.delete(uid);
  }

  async listPodSandbox(): Promise<PodSandbox[]> {
    return [...this.#sandboxes.values()].map((sandbox) => {
      const { uid = '', namespace = '', name = '' } = sandbox.config.pod.metadata ?? {};
      return {
        id: sandbox.id,
        podUid: uid,
        namespace,
        name,
        ip: sandbox.config.ip,
        ready: sandbox.ready,
        containers: [...sandbox.containers].map((container) => container.state),
      };
    });
  }

  async createContainer(sandboxId: string, config: ContainerConfig): Promise<{ id: string }> {
    const sandbox = this.#sandboxes.get(sandboxId);
    if (!sandbox?.ready) {
      throw new StatusError('NotFound', `pod sandbox ${sandboxId} does not run: make a new one`);
    }
    const id = randomUUID();
    const podUid = sandbox.config.pod.metadata!.uid!;
    const container = new FakeContainer(id, config, (type) =>
      this.#emit({ type, sandboxId, containerId: id, podUid }),
    );
    sandbox.containers.add(container);
    this.#containers.set(id, { sandbox, container });
    return { id };
  }

  async startContainer(id: string): Promise<void> {
    this.#get(id).start();
  }

  async stopContainer(id: string, timeout: number): Promise<void> {
    await this.#containers.get(id)?.container.stop(timeout);
  }

  async removeContainer(id: string): Promise<void> {
    const found = this.#containers.get(id);
    if (!found) return;
    found.container.exit(137);
    found.sandbox.containers.delete(found.container);
    this.#containers.delete(id);
  }

  async containerStatus(id: string): Promise<ContainerState | undefined> {
    return this.#containers.get(id)?.container.state;
  }

  onContainerEvent(listener: (event: ContainerEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  containerLogs(id: string, options: LogOptions): AsyncIterable<LogLine> {
    return this.#get(id).log.read(options);
  }

  async execSync(id: string, command: readonly string[]): Promise<ExecResult> {
    return this.#get(id).exec(command);
  }

  async updateContainerResources(id: string): Promise<{ ok: true }> {
    this.#get(id);
    return { ok: true };
  }

  async containerStats(id: string): Promise<ContainerStats | undefined> {
    return this.#containers.get(id)?.container.stats();
  }

  async httpGet(sandboxId: string): Promise<number> {
    const sandbox = this.#sandboxes.get(sandboxId);
    const container = [...(sandbox?.containers ?? [])].find((each) => each.running);
    if (!container) throw new StatusError('ServiceUnavailable', `nothing runs in pod sandbox ${sandboxId}`);
    return container.behaviour.httpStatus;
  }

  /** For tests and simulations: a running container of the pod, to make it exit, write or behave otherwise. */
  container(podUid: string, name: string): FakeContainer | undefined {
    const containers = this.#byPod.get(podUid)?.containers ?? [];
    return [...containers].find((container) => container.running && container.state.name === name);
  }

  /** Changes how a pod's running container behaves from now on. */
  behave(podUid: string, name: string, changes: Partial<Behaviour>): void {
    Object.assign(this.container(podUid, name)?.behaviour ?? {}, changes);
  }

  close(): void {
    this.#listeners.clear();
    for (const { container } of this.#containers.values()) container.exit(137);
  }

  #get(id: string): FakeContainer {
    const found = this.#containers.get(id);
    if (!found) throw new StatusError('NotFound', `container ${id} does not exist`);
    return found.container;
  }

  #emit(event: ContainerEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}
