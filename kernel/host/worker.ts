import {
  isolationText,
  parseQuantity,
  type Resource,
  resourcesOf,
  Secrets,
  StatusError,
} from '../contract/index.ts';
import type { Connection } from '../nats/index.ts';
import type { LoadedPlugin, Loaders, PluginEntry } from './declaration.ts';
import type { Change, Loading } from './messages.ts';
import type { Surroundings } from './run.ts';
import type { Enter, Managed, Passed, PluginStatus } from './status.ts';
import { ThreadHandle } from './threadhandle.ts';

/** What a worker thread needs to open a kernel of its own. */
export interface WorkerSettings {
  connection: Connection;
  /** The kernel's root folders. */
  dataDir: string;
  cacheDir: string;
  loaders?: Loaders | undefined;
}

/** A plugin in a worker thread, as its status messages tell of it. */
export class Remote implements Managed {
  readonly name: string;
  plugin: LoadedPlugin;
  current: PluginStatus;
  readonly group: WorkerGroup;
  /** The thread that starts next is to be without it: it is on its way from or to another. */
  away = false;
  /** Where it waits to enter. */
  prepared: ThreadHandle | undefined;
  /** The last that was heard of it from a thread that has died. */
  last: PluginStatus | undefined;

  constructor(name: string, plugin: LoadedPlugin, group: WorkerGroup) {
    const { kind, version, description, required = false } = plugin.declaration;
    const isolation = isolationText(plugin.isolation);
    this.name = name;
    this.plugin = plugin;
    this.group = group;
    const about = { name, kind, version, description, required, isolation };
    this.current = { ...about, revision: 0, phase: 'Pending', provides: [], healthy: false };
  }

  status(): PluginStatus {
    const { count, last } = this.group.deaths;
    const { restarts = 0, lastError = last } = this.current;
    const failures = lastError === undefined ? {} : { restarts: restarts + count, lastError };
    return { ...this.current, isolation: isolationText(this.plugin.isolation), ...failures };
  }

  swap(next: LoadedPlugin): Promise<void> {
    return this.group.swap(this, next);
  }

  /** In the thread it was prepared for, or the next. */
  async enter(passed: Passed | undefined): Promise<readonly string[]> {
    const thread = await this.group.prepare(this);
    const serves = await thread.change({ type: 'enter', name: this.name, passed });
    this.away = false;
    return serves;
  }

  /** Hands over to a successor in another thread, or throws why it goes on. */
  async leave(version: string, enter: Enter): Promise<void> {
    const { thread } = this.group;
    this.away = true;
    try {
      await (thread ? thread.change({ type: 'leave', name: this.name, version }, enter) : enter(undefined));
    } catch (error) {
      // A thread that came meanwhile is without it.
      if (this.group.thread && this.group.thread !== thread) await this.enter(undefined);
      throw error;
    } finally {
      this.away = false;
    }
  }
}

/** The plugins of one worker, and its thread. One that dies or no longer answers is replaced. */
export class WorkerGroup {
  readonly name: string;
  readonly members: Remote[] = [];
  readonly #settings: WorkerSettings;
  readonly #around: Surroundings;
  readonly #changed: (name: string) => void;
  /** Of Secrets, the first writes. They cannot be called across threads: where Secrets are read they run as well. */
  #encodings: readonly LoadedPlugin[];
  /** Whether the present thread has them. */
  #isEncoding = false;
  thread: ThreadHandle | undefined;
  #retry: NodeJS.Timeout | undefined;
  /** Without having run for long. */
  #restarts = 0;
  #since = 0;
  #stopping = false;
  /** How often its threads have died, and of what the last one did. */
  readonly deaths = { count: 0, last: undefined as string | undefined };

  constructor(
    name: string,
    encodings: readonly LoadedPlugin[],
    settings: WorkerSettings,
    around: Surroundings,
    changed: (name: string) => void,
  ) {
    this.name = name;
    this.#encodings = encodings;
    this.#settings = settings;
    this.#around = around;
    this.#changed = changed;
  }

  /** One that runs with the next `start`, or from `join` on. Throws `Invalid` when it cannot enter a thread. */
  add(name: string, plugin: LoadedPlugin): Remote {
    const needed = readsSecrets(resourcesOf([plugin.declaration])) ? this.#encodings : [];
    for (const { declaration, entry } of [plugin, ...needed]) {
      if (entry) continue;
      const text = `plugin "${declaration.name}" cannot run in worker "${this.name}": give its module, a declaration cannot enter a thread`;
      throw new StatusError('Invalid', text);
    }
    const remote = new Remote(name, plugin, this);
    this.members.push(remote);
    return remote;
  }

  /** Returns when its plugins have started, or the thread as a whole could not; see their status. */
  async start(): Promise<void> {
    const { kernel, timing, log } = this.#around;
    if (this.#stopping) return;
    if (this.#retry) this.deaths.count += 1;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    const here = this.members.filter(({ away }) => !away);
    const plugins = here.map(({ plugin }) => plugin);
    const resources = resourcesOf(plugins.map(({ declaration }) => declaration));
    this.#isEncoding = readsSecrets(resources);
    this.#since = performance.now();
    this.thread = new ThreadHandle({
      data: {
        ...this.#settings,
        worker: this.name,
        kernel,
        plugins: here.map(({ name, plugin }) => ({ ...threadEntry(plugin), place: name })),
        encodings: (this.#isEncoding ? this.#encodings : []).map(threadEntry),
        resources,
        revisions: Object.fromEntries(this.members.map(({ name, current }) => [name, current.revision])),
        timing,
      },
      limit: () => this.#limit(),
      log,
      status: (status) => this.#update(status),
      died: (why) => this.#died(why),
    });
    await this.thread.started;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#retry);
    await this.thread?.stop();
  }

  /** Starts one that was added last: with the thread, or in the one that runs, which goes on meanwhile. Throws when the thread refuses it; it is none of its members then. */
  async join(remote: Remote): Promise<void> {
    if (!this.thread && !this.#retry) return void this.start();
    await this.#change(remote.name, () => remote.enter(undefined))
      .catch((error: unknown) => {
        this.members.splice(this.members.indexOf(remote), 1);
        throw error;
      })
      .finally(() => (remote.away = false));
  }

  /** Stops one; the others go on. */
  async leave(remote: Remote): Promise<void> {
    const { name } = remote;
    this.members.splice(this.members.indexOf(remote), 1);
    await this.#change(name, (thread) => thread.change({ type: 'unload', name }));
  }

  /** These encode Secrets from now on. Throws when one does not run in the thread. */
  async follow(encodings: readonly LoadedPlugin[]): Promise<void> {
    this.#encodings = encodings;
    if (this.#isEncoding) await this.#change('encodings', (thread) => thread.change(this.#encodingChange()));
  }

  /** What is asked of a thread that is down, or goes down over it, is done with its next start. */
  async #change(name: string, ask: (thread: ThreadHandle) => Promise<unknown>): Promise<void> {
    const thread = this.thread;
    if (!thread) return;
    await ask(thread).catch((error: unknown) => {
      if (this.thread === thread) throw error;
      this.#around.log.warn(`worker "${this.name}" died over plugin "${name}"`, { error: String(error) });
    });
  }

  /** Makes ready what `enter` needs: the thread, which it returns, and in it the module and the store. */
  async prepare(remote: Remote): Promise<ThreadHandle> {
    remote.away = true;
    if (!this.thread) await this.start();
    const { thread } = this;
    if (!thread) throw new StatusError('ServiceUnavailable', this.deaths.last!);
    if (remote.prepared === thread) return thread;
    await this.#bringEncoding(thread, remote.plugin);
    await thread.change(changeTo('load', remote.name, remote.plugin));
    remote.prepared = thread;
    return thread;
  }

  /** Where nothing runs, or what ran hung before its turn came, the next is started at once. */
  async swap(remote: Remote, next: LoadedPlugin): Promise<void> {
    const change = changeTo('swap', remote.name, next);
    const thread = this.thread;
    const { current } = remote;
    try {
      if (thread) await this.#bringEncoding(thread, next);
      await thread?.change(change);
    } catch (error) {
      if (this.thread || remote.last !== current) throw error;
    }
    remote.plugin = next;
    if (!this.thread) void this.start();
    this.#changed(remote.name);
  }

  async #bringEncoding(thread: ThreadHandle, plugin: LoadedPlugin): Promise<void> {
    if (this.#isEncoding || !readsSecrets(resourcesOf([plugin.declaration]))) return;
    await thread.change(this.#encodingChange());
    this.#isEncoding = true;
  }

  #encodingChange(): Change {
    return { type: 'encode', entries: this.#encodings.map(threadEntry) };
  }

  #member(name: string): Remote {
    return this.members.find((member) => member.name === name)!;
  }

  /** The largest that one of its plugins asks for, in bytes. */
  #limit(): number | undefined {
    const limits = this.members.flatMap(({ plugin: { isolation } }) =>
      typeof isolation === 'object' && isolation.memory !== undefined
        ? [parseQuantity(isolation.memory)!]
        : [],
    );
    return limits.length === 0 ? undefined : Math.max(...limits);
  }

  #update(status: PluginStatus): void {
    const remote = this.#member(status.name);
    if (!remote || JSON.stringify(remote.current) === JSON.stringify(status)) return;
    remote.current = status;
    this.#changed(remote.name);
  }

  #died(why: string): void {
    this.thread = undefined;
    if (this.#stopping) return;
    const isAlone = this.members.length === 1;
    const culprit = this.members.find(({ plugin }) => isAlone || why.includes(plugin.entry!.module));
    const whose = culprit ? `plugin "${culprit.name}" revision ${culprit.current.revision}: ` : '';
    const message = `worker "${this.name}" died: ${whose}${why}`;
    const { restart } = this.#around.timing;
    if (performance.now() - this.#since > 60 * restart) this.#restarts = 0;
    const delay = Math.min(60, 2 ** this.#restarts) * restart;
    this.#restarts += 1;
    this.deaths.last = message;
    const next = `${message}; trying again in ${delay / 1_000} s`;
    this.#around.log.error(next);
    for (const member of this.members) {
      member.last = member.current;
      this.#update({ ...member.last, phase: 'Failed', healthy: false, provides: [], message: next });
    }
    this.#retry = setTimeout(() => void this.start(), delay).unref();
  }
}

function readsSecrets(resources: readonly Resource[] | undefined): boolean {
  return !resources || resources.some((each) => each.resource === Secrets.resource);
}

function changeTo(type: 'load' | 'swap', name: string, next: LoadedPlugin): Loading {
  return { type, name, entry: threadEntry(next), resources: resourcesOf([next.declaration]) };
}

function threadEntry({ declaration, entry, config }: LoadedPlugin): PluginEntry {
  if (!entry) {
    const text = `plugin "${declaration.name}" needs a module to run in a worker: a declaration cannot enter a thread`;
    throw new StatusError('Invalid', text);
  }
  const memory = declaration.isolation === 'process' ? entry.memory : undefined;
  return { module: entry.module, config, isolation: 'inline', memory };
}
