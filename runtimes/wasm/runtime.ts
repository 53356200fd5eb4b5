import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Container,
  type ContainerConfig,
  type ContainerEvent,
  type ContainerState,
  type ContainerStats,
  type ExecOptions,
  type ExecResult,
  type ExecSession,
  type Logger,
  type LogLine,
  type LogOptions,
  type PodSandbox,
  type PodSandboxConfig,
  type PullPolicy,
  type PullResult,
  type Runtime,
  StatusError,
} from 'orlop/plugin';
import { WasmContainer } from './container.ts';
import { execSession, execToEnd } from './exec.ts';
import { ImageStore } from './images.ts';
import type { LivePods } from './live-pods.ts';
import { readLog } from './logs.ts';
import type { Prepared } from './transpile.ts';

export interface WasmRuntimeOptions {
  /** Holds `images/` and `pods/` (logs). */
  dataDir: string;
  log: Logger;
  /** The pods that run; the caller holds and releases them. */
  live: LivePods;
}

/** Logs of pods that nobody removed, e.g. deleted while the node was down, go after this long. */
const LEFTOVER_MS = 7 * 24 * 3600 * 1000;
/** Ids become file names. */
const ID_PART = /^[A-Za-z0-9][A-Za-z0-9.-]*$/;
const CONTAINER_ID = /^([A-Za-z0-9][A-Za-z0-9.-]*)_([A-Za-z0-9][A-Za-z0-9.-]*)_(\d+)$/;

/**
 * Runs WebAssembly components, each container in a worker thread of this process. A sandbox's id is `UID.RANDOM`, a
 * container's `SANDBOX_NAME_ATTEMPT`, from which its log is found also after a restart of the process, which no container survives.
 */
export class WasmRuntime implements Runtime {
  readonly handler = 'wasm';
  readonly version: string;
  readonly attachment = 'local';
  readonly #images: ImageStore;
  readonly #podsDir: string;
  readonly #log: Logger;
  readonly #live: LivePods;

  private constructor(options: WasmRuntimeOptions, images: ImageStore) {
    this.#images = images;
    this.#podsDir = join(options.dataDir, 'pods');
    this.#log = options.log;
    this.#live = options.live;
    this.version = `wasm://v8-${process.versions.v8}`;
  }

  static async open(options: WasmRuntimeOptions): Promise<WasmRuntime> {
    const runtime = new WasmRuntime(options, await ImageStore.open(join(options.dataDir, 'images')));
    await runtime.#removeLeftovers();
    return runtime;
  }

  claims(image: string): boolean {
    return this.#images.has(image);
  }

  /** Stores a component on this node under an image name; the answer is its image id. */
  async importImage(name: string, bytes: Uint8Array): Promise<string> {
    return `sha256:${await this.#images.import(name, bytes)}`;
  }

  async pullImage(
    image: string,
    { policy }: { policy: PullPolicy; signal?: AbortSignal },
  ): Promise<PullResult> {
    const loaded = await this.#images.load(image);
    if ('problem' in loaded) {
      const { problem, message } = loaded;
      if (problem === 'invalid') return { ok: false, reason: 'InvalidImageName', message };
      return { ok: false, reason: policy === 'Never' ? 'ErrImageNeverPull' : 'ErrImagePull', message };
    }
    try {
      const { manifest } = await this.#live.transpiler.prepare(loaded.digest, loaded.bytes);
      this.#log.debug('component ready', { image, digest: loaded.digest, ...manifest });
      return { ok: true, imageId: `sha256:${loaded.digest}` };
    } catch (error) {
      return { ok: false, reason: 'ErrImagePull', message: `image "${image}": ${(error as Error).message}` };
    }
  }

  async runPodSandbox(config: PodSandboxConfig): Promise<{ id: string; ip: string }> {
    const podUid = config.pod.metadata?.uid ?? '';
    for (const [id, sandbox] of this.#live.sandboxes) {
      if (sandbox.podUid === podUid && sandbox.ready) return { id, ip: sandbox.config.ip };
    }
    const id = `${podUid}.${randomBytes(4).toString('hex')}`;
    requireIdPart(id, 'pod uid');
    this.#live.sandboxes.set(id, { podUid, config, ready: true, containers: new Map() });
    await mkdir(join(this.#podsDir, id), { recursive: true });
    return { id, ip: config.ip };
  }

  async stopPodSandbox(id: string): Promise<void> {
    await this.#live.stop(id);
  }

  async removePodSandbox(id: string): Promise<void> {
    requireIdPart(id, 'sandbox id');
    await this.stopPodSandbox(id);
    this.#live.sandboxes.delete(id);
    // With the logs of sandboxes that the same pod had in earlier processes.
    const podUid = id.split('.', 1)[0]!;
    const live = [...this.#live.sandboxes]
      .filter(([, sandbox]) => sandbox.podUid === podUid)
      .map(([other]) => other);
    for (const dir of await readdir(this.#podsDir)) {
      if (dir.startsWith(`${podUid}.`) && !live.includes(dir)) {
        await rm(join(this.#podsDir, dir), { recursive: true, force: true });
      }
    }
  }

  async listPodSandbox(): Promise<PodSandbox[]> {
    return [...this.#live.sandboxes].map(([id, { podUid, config, ready, containers }]) => ({
      id,
      podUid,
      namespace: config.pod.metadata?.namespace ?? 'default',
      name: config.pod.metadata?.name ?? '',
      ip: config.ip,
      ready,
      containers: [...containers.values()].map((container) => container.state()),
    }));
  }

  async createContainer(sandboxId: string, config: ContainerConfig): Promise<{ id: string }> {
    const sandbox = this.#live.sandboxes.get(sandboxId);
    if (!sandbox?.ready) throw new StatusError('NotFound', `pod sandbox "${sandboxId}" does not run`);
    requireIdPart(config.container.name, 'container name');
    const id = `${sandboxId}_${config.container.name}_${config.attempt}`;
    if (sandbox.containers.has(id)) return { id };
    const component = await this.#component(config);
    const logFile = this.#logFile(id);
    sandbox.containers.set(
      id,
      new WasmContainer({
        id,
        config,
        sandboxId,
        sandbox: sandbox.config,
        logFile,
        component,
        host: this.#live,
      }),
    );
    return { id };
  }

  async startContainer(id: string): Promise<void> {
    await this.#container(id).start();
  }

  async stopContainer(id: string, timeout: number): Promise<void> {
    await this.#find(id)?.stop(timeout);
  }

  async removeContainer(id: string): Promise<void> {
    const container = this.#find(id);
    if (container !== undefined) {
      await container.kill();
      this.#live.sandboxes.get(container.sandboxId)?.containers.delete(id);
    } else if (!CONTAINER_ID.test(id)) {
      return;
    }
    const logFile = this.#logFile(id);
    await Promise.all([rm(logFile, { force: true }), rm(`${logFile}.1`, { force: true })]);
  }

  async containerStatus(id: string): Promise<ContainerState | undefined> {
    return this.#find(id)?.state();
  }

  onContainerEvent(listener: (event: ContainerEvent) => void): () => void {
    this.#live.listeners.add(listener);
    return () => this.#live.listeners.delete(listener);
  }

  containerLogs(id: string, options: LogOptions): AsyncIterable<LogLine> {
    return readLog(this.#logFile(id), options, () => this.#find(id)?.running ?? false);
  }

  async execSync(id: string, command: readonly string[], timeout: number): Promise<ExecResult> {
    return execToEnd(this.#container(id), command, timeout);
  }

  async exec(id: string, options: ExecOptions): Promise<ExecSession> {
    return execSession(this.#container(id), options);
  }

  async attach(id: string, options: { stdin: boolean }): Promise<ExecSession> {
    return this.#container(id).attach(options);
  }

  async updateContainerResources(id: string, { limits }: NonNullable<Container['resources']>) {
    const { config } = this.#container(id);
    if (limits?.['memory'] === config.container.resources?.limits?.['memory']) return { ok: true } as const;
    const message =
      'the memory limit of a WebAssembly guest is fixed at its start: set the resizePolicy of memory to RestartContainer';
    return { ok: false, message } as const;
  }

  async containerStats(id: string): Promise<ContainerStats | undefined> {
    return this.#find(id)?.stats();
  }

  async httpGet(
    sandboxId: string,
    request: { port: number; path: string; headers: [string, string][]; timeout: number },
  ): Promise<number> {
    const containers = [...(this.#live.sandboxes.get(sandboxId)?.containers.values() ?? [])];
    const container = containers.find((c) => c.running && c.port === request.port);
    if (container === undefined)
      throw new Error(`connection refused: nothing serves port ${request.port} of the pod`);
    return container.request(request.path, request.headers, request.timeout);
  }

  /** Prepared by `pullImage`; again when the cache was emptied since. */
  async #component({ imageId, container }: ContainerConfig): Promise<Prepared> {
    const digest = imageId.replace(/^sha256:/, '');
    const cached = await this.#live.transpiler.cached(digest);
    if (cached !== undefined) return cached;
    const loaded = await this.#images.load(container.image ?? '');
    if ('problem' in loaded) throw new StatusError('NotFound', loaded.message);
    if (digest !== '' && loaded.digest !== digest) {
      throw new StatusError('NotFound', `image ${container.image} is no longer ${imageId}: pull it again`);
    }
    return this.#live.transpiler.prepare(loaded.digest, loaded.bytes);
  }

  #find(id: string): WasmContainer | undefined {
    return this.#live.sandboxes.get(id.split('_', 1)[0]!)?.containers.get(id);
  }

  #container(id: string): WasmContainer {
    const container = this.#find(id);
    if (container === undefined) throw new StatusError('NotFound', `container "${id}" not found`);
    return container;
  }

  #logFile(id: string): string {
    const [, sandboxId, name, attempt] = CONTAINER_ID.exec(id) ?? [];
    if (sandboxId === undefined) throw new StatusError('NotFound', `container "${id}" not found`);
    return join(this.#podsDir, sandboxId, `${name}_${attempt}.log`);
  }

  async #removeLeftovers(): Promise<void> {
    await mkdir(this.#podsDir, { recursive: true });
    for (const id of await readdir(this.#podsDir)) {
      const path = join(this.#podsDir, id);
      // After a swap pods run, and may go meanwhile.
      if (this.#live.sandboxes.has(id)) continue;
      const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
      });
      if (found && found.mtimeMs < Date.now() - LEFTOVER_MS) await rm(path, { recursive: true, force: true });
    }
  }
}

function requireIdPart(text: string, what: string): void {
  if (!ID_PART.test(text)) throw new StatusError('Invalid', `"${text}" is no ${what}`);
}
