import {
  type ContainerConfig,
  type ContainerState,
  type ContainerStats,
  type ExecSession,
  type PodSandboxConfig,
  parseQuantity,
  StatusError,
} from 'orlop/plugin';
import type { GuestWorker, GuestWorkers } from './guest-worker.ts';
import type { GuestExit, GuestSpec } from './messages.ts';
import { session } from './session.ts';
import type { Prepared, Transpiler } from './transpile.ts';

/** Where an HTTP component listens when its container declares no port. */
const DEFAULT_PORT = 8080;

/** What a container needs from its runtime. */
export interface ContainerHost {
  readonly transpiler: Transpiler;
  readonly workers: GuestWorkers;
  started(container: WasmContainer): void;
  exited(container: WasmContainer): void;
}

/** One container: one guest in one worker thread, once. */
export class WasmContainer {
  readonly id: string;
  readonly config: ContainerConfig;
  readonly sandbox: PodSandboxConfig;
  readonly sandboxId: string;
  readonly logFile: string;
  readonly #component: Prepared;
  readonly #host: ContainerHost;
  readonly #memoryLimit: number | undefined;
  #worker: GuestWorker | undefined;
  #startedAt: string | undefined;
  #finishedAt: string | undefined;
  #exit: GuestExit | undefined;

  /** Throws `StatusError` for a limit no memory can have. */
  constructor(o: {
    id: string;
    config: ContainerConfig;
    sandboxId: string;
    sandbox: PodSandboxConfig;
    logFile: string;
    component: Prepared;
    host: ContainerHost;
  }) {
    this.id = o.id;
    this.config = o.config;
    this.sandboxId = o.sandboxId;
    this.sandbox = o.sandbox;
    this.logFile = o.logFile;
    this.#component = o.component;
    this.#host = o.host;
    this.#memoryLimit = memoryLimit(o.config);
  }

  get running(): boolean {
    return this.#startedAt !== undefined && this.#exit === undefined;
  }

  /** The port it serves; `undefined` for a command. */
  get port(): number | undefined {
    if (this.#component.manifest.kind !== 'http') return undefined;
    return this.config.container.ports?.[0]?.containerPort ?? DEFAULT_PORT;
  }

  get isCommand(): boolean {
    return this.#component.manifest.kind === 'command';
  }

  get #hasInput(): boolean {
    return this.isCommand && this.config.container.stdin === true;
  }

  async start(): Promise<void> {
    if (this.#worker !== undefined) return;
    const worker = this.#host.workers.take();
    this.#worker = worker;
    try {
      const spec = await this.#spec(this.#args(), this.logFile, this.#hasInput);
      this.#startedAt = new Date().toISOString();
      void worker.ended.then((exit) => this.#ended(exit));
      await worker.start(spec);
    } catch (error) {
      worker.kill(128, 'not started');
      throw error;
    }
    this.#host.started(this);
  }

  /** Returns when it has ended. A command has no way to hear of it and ends at once. */
  async stop(seconds: number): Promise<void> {
    const worker = this.#worker;
    if (worker === undefined || this.#exit !== undefined) return;
    if (this.isCommand) worker.kill(143, 'terminated');
    else if (seconds <= 0) worker.kill(137, 'killed');
    else await worker.stop(seconds);
    await worker.ended;
  }

  /** Returns when it has ended. */
  async kill(): Promise<void> {
    this.#worker?.kill(137, 'killed');
    await this.#worker?.ended;
  }

  /** A fresh instance of its component with other arguments; not started. */
  async another(
    args: readonly string[],
    stdin: boolean,
  ): Promise<{ worker: GuestWorker; spec: Omit<GuestSpec, 'shared'> }> {
    const spec = await this.#spec([...args], undefined, stdin);
    return { worker: this.#host.workers.take(), spec };
  }

  /** Its own streams from now on. With `stdinOnce`, the first session that gave input ends it. */
  attach(options: { stdin: boolean }): ExecSession {
    const worker = this.#worker;
    const { name, tty, stdinOnce } = this.config.container;
    if (worker === undefined || !this.running)
      throw new StatusError('BadRequest', `container "${name}" is not running`);
    const stdin = options.stdin && this.#hasInput;
    const opened = session(worker, {
      tty: tty === true,
      stdin,
      inputEnded: () => void (stdin && stdinOnce ? worker.input(null) : undefined),
    });
    return { ...opened, exitCode: opened.exitCode.then(() => 0) };
  }

  request(path: string, headers: [string, string][], timeout: number): Promise<number> {
    if (this.#worker === undefined || !this.running) throw new Error('the container is not running');
    return this.#worker.request(path, headers, timeout);
  }

  stats(): ContainerStats | undefined {
    const worker = this.#worker;
    if (worker === undefined || !this.running) return undefined;
    return { timestamp: Date.now(), usageCoreNanoSeconds: worker.cpuTime, workingSetBytes: worker.memory };
  }

  state(): ContainerState {
    const exit = this.#exit;
    return {
      id: this.id,
      name: this.config.container.name,
      attempt: this.config.attempt,
      state: exit !== undefined ? 'Exited' : this.#startedAt !== undefined ? 'Running' : 'Created',
      imageId: this.config.imageId,
      image: this.config.container.image ?? '',
      ...(this.#startedAt !== undefined && { startedAt: this.#startedAt }),
      ...(this.#finishedAt !== undefined && { finishedAt: this.#finishedAt }),
      ...(exit !== undefined && { exitCode: exit.exitCode, reason: exit.reason }),
      ...(exit?.message !== undefined && { message: exit.message }),
    };
  }

  #ended(exit: GuestExit): void {
    this.#exit = exit;
    this.#finishedAt = new Date().toISOString();
    this.#host.exited(this);
  }

  /** `command` and `args` as of a container; the program's own name comes first when there is no command. */
  #args(): string[] {
    const { command, args, container } = this.config;
    return [...(command ?? [container.name]), ...(args ?? [])];
  }

  async #spec(
    args: string[],
    logFile: string | undefined,
    stdin: boolean,
  ): Promise<Omit<GuestSpec, 'shared'>> {
    const env = this.config.env.map(({ name, value }): [string, string] => [name, value]);
    if (!env.some(([name]) => name === 'HOSTNAME')) env.unshift(['HOSTNAME', this.sandbox.hostname]);
    const { manifest, script } = this.#component;
    const port = this.port;
    return {
      kind: manifest.kind,
      script,
      modules: await this.#host.transpiler.compile(this.#component, this.#memoryLimit),
      exportName: manifest.exportName,
      env,
      args,
      mounts: this.config.mounts.map(({ hostPath, containerPath, readOnly }) => ({
        hostPath,
        containerPath,
        readOnly,
      })),
      logFile,
      listen: port === undefined ? undefined : { host: this.sandbox.ip, port },
      memoryLimit: this.#memoryLimit,
      stdin,
    };
  }
}

function memoryLimit(config: ContainerConfig): number | undefined {
  const limit = config.container.resources?.limits?.['memory'];
  if (limit === undefined) return undefined;
  const bytes = parseQuantity(limit);
  if (bytes === undefined || bytes < 65_536) {
    throw new StatusError(
      'Invalid',
      `resources.limits.memory "${limit}": want at least 64Ki, a page of WebAssembly memory`,
    );
  }
  return bytes;
}
