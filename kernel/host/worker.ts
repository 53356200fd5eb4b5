import { Worker } from 'node:worker_threads';
import { Leases, type Resource, Secrets, StatusError } from '../contract/index.ts';
import type { Connection } from '../nats/index.ts';
import type { LoadedPlugin, Loaders, PluginEntry } from './declaration.ts';
import type { FromThread, ThreadData, ToThread } from './messages.ts';
import type { Surroundings } from './run.ts';
import { isolationText, type Managed, type PluginStatus } from './status.ts';

/** What a worker thread needs to open a kernel of its own. */
export interface WorkerSettings {
  connection: Connection;
  /** The kernel's root folders. */
  dataDir: string;
  cacheDir: string;
  loaders?: Loaders | undefined;
}

/** Pings in a row a thread may leave unanswered. */
const MISSED = 3;

/** A plugin in a worker thread, as its status messages tell of it. */
class Remote implements Managed {
  readonly name: string;
  plugin: LoadedPlugin;
  current: PluginStatus;
  readonly #swap: (remote: Remote, next: LoadedPlugin) => Promise<void>;

  constructor(plugin: LoadedPlugin, swap: (remote: Remote, next: LoadedPlugin) => Promise<void>) {
    const { name, kind, version, description } = plugin.declaration;
    const isolation = isolationText(plugin.isolation);
    this.name = name;
    this.plugin = plugin;
    this.#swap = swap;
    this.current = {
      name,
      kind,
      version,
      description,
      isolation,
      revision: 0,
      phase: 'Pending',
      provides: [],
      healthy: false,
    };
  }

  status(): PluginStatus {
    return { ...this.current, isolation: isolationText(this.plugin.isolation) };
  }

  swap(next: LoadedPlugin): Promise<void> {
    return this.#swap(this, next);
  }
}

/** One worker thread and the plugins in it. A thread that dies or no longer answers is replaced. */
export class WorkerGroup {
  readonly name: string;
  readonly members: readonly Remote[];
  readonly #settings: WorkerSettings;
  readonly #around: Surroundings;
  readonly #changed: (name: string) => void;
  /** The plugin that encodes Secrets, if this thread reads any: an encoding cannot be called across threads, so it runs here too. */
  #encoding: LoadedPlugin | undefined;
  /** By which the present thread knows it: a plugin keeps the name it was loaded by when another takes its place. */
  #encodingName: string | undefined;
  #worker: Worker | undefined;
  #started: ((problem: string | undefined) => void) | undefined;
  readonly #swaps = new Map<number, (error: StatusError | undefined) => void>();
  #swapId = 0;
  #unanswered = 0;
  #ping: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  #restarts = 0;
  #since = 0;
  #stopping = false;

  constructor(
    name: string,
    plugins: readonly LoadedPlugin[],
    encoding: LoadedPlugin | undefined,
    settings: WorkerSettings,
    around: Surroundings,
    changed: (name: string) => void,
  ) {
    this.name = name;
    this.#settings = settings;
    this.#around = around;
    this.#changed = changed;
    this.members = plugins.map((plugin) => new Remote(plugin, (remote, next) => this.#swap(remote, next)));
    this.#encoding = this.#resources()?.every((each) => each.resource !== Secrets.resource)
      ? undefined
      : encoding;
    for (const { declaration, entry } of [...plugins, ...(this.#encoding ? [this.#encoding] : [])]) {
      if (entry) continue;
      throw new StatusError(
        'Invalid',
        `plugin "${declaration.name}" cannot run in worker "${name}": give its module, a declaration cannot enter a thread`,
      );
    }
  }

  /** Returns when its plugins have started, or the thread as a whole could not; see their status. */
  async start(): Promise<void> {
    const started = new Promise<string | undefined>((resolve) => (this.#started = resolve));
    const { dataDir, cacheDir, connection, loaders } = this.#settings;
    const { kernel, timing } = this.#around;
    const resources = this.#resources();
    const plugins = this.members.map(({ plugin }) => plugin);
    this.#encodingName = this.#encoding?.declaration.name;
    const workerData: ThreadData = {
      worker: this.name,
      kernel,
      connection,
      dataDir,
      cacheDir,
      loaders,
      plugins: [...plugins, ...(this.#encoding ? [this.#encoding] : [])].map(threadEntry),
      ...(resources ? { resources } : {}),
      revisions: Object.fromEntries(this.members.map(({ name, current }) => [name, current.revision])),
      timing,
    };
    const file = import.meta.url.endsWith('.ts') ? './thread.ts' : './thread.js';
    const worker = new Worker(new URL(file, import.meta.url), { name: this.name, workerData });
    this.#worker = worker;
    this.#since = performance.now();
    this.#unanswered = 0;
    let death: string | undefined;
    worker.on('message', (message: FromThread) => this.#receive(message));
    worker.on('error', (error) => {
      death = error.message;
    });
    worker.once('exit', () => {
      if (this.#worker === worker) this.#died(death ?? 'it ended');
    });
    const limit = setTimeout(() => void worker.terminate(), timing.start).unref();
    const problem = await started;
    clearTimeout(limit);
    if (problem === undefined) {
      if (this.#worker === worker) {
        this.#ping = setInterval(() => this.#check(worker), timing.health).unref();
      }
      return;
    }
    worker.removeAllListeners('exit');
    await worker.terminate();
    if (this.#worker === worker) this.#died(problem);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#retry);
    const worker = this.#worker;
    if (!worker) return;
    const exit = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    const limit = setTimeout(() => void worker.terminate(), this.#around.timing.stop).unref();
    this.#send({ type: 'stop' });
    await exit;
    clearTimeout(limit);
  }

  /** Another plugin encodes Secrets from now on, in the place of the one the thread was started with. */
  async followEncoding(next: LoadedPlugin): Promise<void> {
    if (!this.#encoding || this.#encoding === next) return;
    if (this.#worker) await this.#request(this.#encodingName!, next);
    this.#encoding = next;
  }

  /** All that its plugins may touch; `undefined` when that is everything. */
  #resources(): Resource[] | undefined {
    const grants = this.members.flatMap(({ plugin }) => plugin.declaration.grants?.objects ?? []);
    const resources = new Set<Resource>();
    for (const { resource } of grants) {
      if (resource === '*') return undefined;
      resources.add(resource);
    }
    if (this.members.some(({ plugin }) => plugin.declaration.singleton)) resources.add(Leases);
    return [...resources];
  }

  async #swap(remote: Remote, next: LoadedPlugin): Promise<void> {
    await this.#request(remote.name, next);
    remote.plugin = next;
    this.#changed(remote.name);
  }

  async #request(name: string, next: LoadedPlugin): Promise<void> {
    if (!next.entry)
      throw new StatusError(
        'Invalid',
        'a swap in a worker needs a module: a declaration cannot enter a thread',
      );
    if (!this.#worker)
      throw new StatusError('ServiceUnavailable', `worker "${this.name}" is being restarted`);
    const id = ++this.#swapId;
    const answer = new Promise<StatusError | undefined>((resolve) => this.#swaps.set(id, resolve));
    this.#send({ type: 'swap', id, name, entry: threadEntry(next) });
    const error = await answer;
    this.#swaps.delete(id);
    if (error) throw error;
  }

  #send(message: ToThread): void {
    this.#worker?.postMessage(message);
  }

  #receive(message: FromThread): void {
    switch (message.type) {
      case 'pong':
        this.#unanswered = 0;
        return;
      case 'log':
        this.#around.log[message.level](message.message, message.fields);
        return;
      case 'started':
        this.#started?.(message.error?.message);
        return;
      case 'swapped':
        this.#swaps.get(message.id)?.(message.error && StatusError.fromStatus(message.error));
        return;
      case 'status':
        for (const status of message.plugins) this.#update(status);
    }
  }

  #update(status: PluginStatus): void {
    const remote = this.members.find(({ name }) => name === status.name);
    if (!remote || JSON.stringify(remote.current) === JSON.stringify(status)) return;
    remote.current = status;
    this.#changed(remote.name);
  }

  #check(worker: Worker): void {
    if (this.#unanswered < MISSED) {
      this.#unanswered += 1;
      this.#send({ type: 'ping' });
      return;
    }
    clearInterval(this.#ping);
    this.#around.log.error(`worker "${this.name}" does not answer and is terminated`);
    void worker.terminate();
  }

  #died(why: string): void {
    clearInterval(this.#ping);
    this.#worker = undefined;
    const message = `worker "${this.name}" died: ${why}`;
    for (const answer of this.#swaps.values()) answer(new StatusError('ServiceUnavailable', message));
    this.#started?.(undefined);
    if (this.#stopping) return;
    const { restart } = this.#around.timing;
    if (performance.now() - this.#since > 60 * restart) this.#restarts = 0;
    const delay = Math.min(60, 2 ** this.#restarts) * restart;
    this.#restarts += 1;
    this.#around.log.error(`${message}; starting it again in ${delay} ms`);
    for (const remote of this.members) {
      this.#update({ ...remote.current, phase: 'Failed', healthy: false, provides: [], message });
    }
    this.#retry = setTimeout(() => void this.start(), delay).unref();
  }
}

function threadEntry({ entry, config }: LoadedPlugin): PluginEntry {
  return { module: entry!.module, config, isolation: 'inline' };
}
