import { within } from '../contract/deadline.ts';
import * as contract from '../contract/index.ts';
import {
  checkLeave,
  freezeExports,
  type GraphNode,
  ModuleSource,
  nearestOf,
  type ObjectClient,
  placeOf,
  SecretsEncoding,
  type ServiceToken,
  StatusError,
  sortGraph,
} from '../contract/index.ts';
import { Codecs } from './codecs.ts';
import { KERNEL } from './consumer.ts';
import { type LoadedPlugin, type Loaders, loadPlugin, nameOf, type PluginSource } from './declaration.ts';
import { Encodings } from './encodings.ts';
import { Endings } from './endings.ts';
import { type Crashes, type Follower, Report } from './report.ts';
import { type Surroundings, TIMING, type Timing } from './run.ts';
import { Services } from './services.ts';
import { LAST_WRITE, Singletons } from './singletons.ts';
import type { Enter, Passed, PluginStatus } from './status.ts';
import { Unit } from './unit.ts';
import { Remote, WorkerGroup, type WorkerSettings } from './worker.ts';

export interface HostOptions extends Omit<Surroundings, 'objects' | 'services' | 'timing' | 'fatal'> {
  /** The store as `writer` writes to it, with what `plugin` may touch: default the same. */
  objects(writer: string, plugin?: string): ObjectClient;
  plugins: readonly LoadedPlugin[];
  /** Of the process, for the placement of plugins; absent: all. */
  roles?: readonly string[] | undefined;
  /** What a worker thread needs to open a kernel of its own; absent in a worker, whose plugins all run inline. */
  workers?: WorkerSettings;
  /** Called after a service of that kind has come, been swapped or gone. */
  provided?: (kind: string) => void;
  /** Called after a plugin's status has changed. */
  changed?: (name: string) => void;
  /** Called when a `required` plugin has failed again and again: see `Kernel.failed`. */
  fatal?: (error: Error) => void;
  /** Instances each plugin has had before. */
  revisions?: Readonly<Record<string, number>>;
  timing?: Partial<Timing>;
  loaders?: Loaders | undefined;
  crashes?: Crashes | undefined;
  follow?: Follow | undefined;
}

/** Makes plugins run as their `Plugin` objects ask. */
export type Follow = (host: Host, o: Pick<HostOptions, 'kernel' | 'roles' | 'plugins' | 'log'>) => Follower;

// Its plugins share it.
freezeExports(contract);

/** Runs plugins: those of this thread as units, the others by worker thread. */
export class Host {
  readonly #o: HostOptions;
  readonly #services: Services;
  readonly #around: Surroundings;
  readonly #units = new Map<string, Unit>();
  readonly #groups: WorkerGroup[] = [];
  readonly #managed = new Map<string, Unit | Remote>();
  readonly #singletons: Singletons;
  readonly #report: Report | undefined;
  readonly #codecs: Codecs;
  readonly #encodings: Encodings;
  #order: Map<string, string[]> = new Map();
  /** Whether everything it was given has been started: only then it follows what `Plugin` objects ask for. */
  #ready = false;
  #stopping: Promise<void> | undefined;
  readonly endings: Endings;

  constructor(o: HostOptions) {
    this.#o = o;
    this.#services = new Services((kind) => this.#provided(kind));
    this.#around = {
      ...o,
      objects: (writer) => o.objects(writer),
      services: this.#services,
      timing: { ...TIMING, ...o.timing },
      fatal: (error) => o.fatal?.(error),
    };
    this.endings = new Endings(o.log);
    this.#codecs = new Codecs(this.#around);
    this.#encodings = new Encodings(this, this.#groups);
    this.#singletons = new Singletons({
      objects: (name) => o.objects('host', name),
      log: o.log,
      identity: o.kernel.id,
      duration: this.#around.timing.lease,
    });
    if (o.workers) {
      const follow = o.follow?.(this, o);
      this.#report = new Report({
        ...o,
        objects: o.objects('host'),
        interval: this.#around.timing.lease,
        plugins: () => this.#managed.values(),
        ready: () => this.#ready,
        apply: async (name, object, labels) => {
          const spec = object?.metadata?.deletionTimestamp === undefined ? object?.spec : undefined;
          return o.crashes?.held(name, spec) ?? (await follow?.(name, object, labels));
        },
      });
    }
  }

  /**
   * Starts all plugins, each after those it requires. Throws when the graph is wrong or a `required` plugin does not run; what has been
   * started is then stopped again.
   */
  async start(): Promise<void> {
    const { plugins } = this.#o;
    this.#order = sortGraph(plugins.map((plugin) => this.#node(plugin)));
    this.#place(plugins);
    this.#report?.start();
    try {
      // Before anything reads Secrets all that is stored must be readable, as the object of their encoding says how.
      const first = [...this.#units.values()].filter(({ plugin }) =>
        provides(plugin, SecretsEncoding, ModuleSource),
      );
      await Promise.all(first.map((unit) => this.#startUnit(unit)));
      for (const { name, plugin } of first)
        if (provides(plugin, SecretsEncoding)) await this.#report?.apply(name);
      const started = new Map<string, Promise<void>>();
      for (const [name, providers] of this.#order) {
        const unit = this.#units.get(name);
        if (!unit || first.includes(unit)) continue;
        const before = Promise.all(providers.map(async (provider) => started.get(provider)));
        const begun = before.then(() => this.#startUnit(unit));
        started.set(name, begun);
      }
      const groups = this.#groups.map((group) => group.start());
      await Promise.all(started.values());
      this.#ready = true;
      await this.#report?.again();
      await Promise.all(groups);
      this.#checkRequired();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** The service, as a proxy that survives swaps. Throws `NotFound` when no loaded plugin provides it. */
  service<T>(token: ServiceToken<T, false>): T {
    if (this.#services.available(token.kind)) return this.#services.one(token.kind) as T;
    throw new StatusError('NotFound', `no running plugin provides ${token.kind}; see kubectl get plugins`);
  }

  /** The provider's own object, for the kernel itself. */
  direct<T>(token: ServiceToken<T, false>): T | undefined {
    return this.#services.direct(token.kind) as T | undefined;
  }

  plugins(): PluginStatus[] {
    return [...this.#managed.values()].map((each) => each.status());
  }

  /** Replaces the plugin `name`; the old one goes on when the new one is refused, fails to start or is unhealthy. */
  async swap(name: string, source: PluginSource): Promise<void> {
    const managed = this.#managed.get(name);
    if (!managed) {
      const nearest = nearestOf(name, [...this.#managed.keys()]);
      const text = `no plugin "${name}" is loaded${nearest ? `; did you mean "${nearest}"?` : ''}`;
      throw new StatusError('NotFound', text);
    }
    const next = await loadPlugin(source, undefined, this.#o.loaders);
    const old = managed.plugin;
    if (next.declaration.kind !== old.declaration.kind) {
      const text = `plugin "${name}" is of kind ${old.declaration.kind}; it cannot be swapped for "${next.declaration.name}" of kind ${next.declaration.kind}`;
      throw new StatusError('Invalid', text);
    }
    this.#checkName(next, name);
    const moves = placeOf(next.isolation) !== placeOf(old.isolation);
    if (moves) checkLeave(this.#node(old, name), [KERNEL, ...this.#nodes()]);
    const order = sortGraph(
      this.#nodes().map((node) => (node.name === name ? this.#node(next, name) : node)),
    );
    if (moves) await this.#move(managed, next);
    else if (provides(next, SecretsEncoding)) await this.#encodings.replace(managed, next);
    else await managed.swap(next);
    this.#order = order;
  }

  /** Of Secrets: the first writes, the others read what they wrote. */
  encodings(): SecretsEncoding[] {
    const { services } = this.#codecs;
    const writer = this.direct(SecretsEncoding);
    if (!this.#o.workers) return services;
    return writer ? [writer, ...services] : [];
  }

  /** Runs these encodings in this thread, beside that of a plugin of its own. Throws why one does not start. */
  async encode(plugins: readonly LoadedPlugin[]): Promise<void> {
    await this.#codecs.set(plugins).finally(() => this.#provided(SecretsEncoding.kind));
  }

  /** An encoding of which there are Secrets is kept to decode them, in every thread; without one, all are let go but the present one. */
  async keep(source?: PluginSource): Promise<void> {
    await this.#encodings.keep(source && (await loadPlugin(source, undefined, this.#o.loaders)));
  }

  /** The successor starts in its own thread, while the old one serves in its. */
  async #move(old: Unit | Remote, next: LoadedPlugin): Promise<void> {
    const { name } = old;
    const target = this.#make(name, next);
    try {
      if (target instanceof Remote) await target.group.prepare(target);
      const enter: Enter = (passed) =>
        target instanceof Remote ? target.enter(passed) : this.enter(name, passed);
      if (old instanceof Remote) await old.leave(next.declaration.version, enter);
      else await this.leave(name, next.declaration.version, enter);
    } catch (error) {
      await this.#drop(target);
      throw error;
    }
    this.#managed.set(name, target);
    if (old instanceof Remote) this.endings.add(name, this.#drop(old));
    this.#changed(name);
  }

  /** Starts one that was loaded to wait: as the successor of one in another thread, which throws why it does not run; or of nobody. */
  async enter(name: string, passed: Passed | undefined): Promise<readonly string[]> {
    const unit = this.#units.get(name)!;
    const serves = passed ? await unit.enter(passed) : [];
    this.#startUnit(unit).catch((error) => this.#o.log.error(`plugin "${name}"`, { error }));
    return serves;
  }

  /** Hands a plugin of this thread over to another. Its lease goes with it: that is the kernel's. */
  async leave(name: string, version: string, enter: Enter): Promise<void> {
    const { ended } = await this.#units.get(name)!.leave(version, enter);
    this.endings.add(name, ended);
    this.#singletons.leave(name);
    this.#forget(name);
  }

  async #drop(managed: Unit | Remote): Promise<void> {
    if (managed instanceof Unit) {
      this.#units.delete(managed.name);
      return await this.#singletons.stop(managed);
    }
    const { group } = managed;
    if (group.members.length > 1) return await group.leave(managed);
    this.#groups.splice(this.#groups.indexOf(group), 1);
    await group.stop();
  }

  async locate(module: string): Promise<string> {
    return module.startsWith('blob:') ? await this.service(ModuleSource).locate(module) : module;
  }

  isLoaded(name: string): boolean {
    return this.#managed.has(name);
  }

  /**
   * Adds a plugin and lets it start, which may take long and holds up nothing else: see its status; or to wait until it is to `enter`. Throws
   * when it does not fit in.
   */
  async load(name: string, source: PluginSource, waits = false): Promise<void> {
    const plugin = await loadPlugin(source, undefined, this.#o.loaders);
    const { declaration } = plugin;
    if (declaration.name !== name && !waits) {
      const text = `the module declares plugin "${declaration.name}": name the Plugin object so, not "${name}"`;
      throw new StatusError('Invalid', text);
    }
    this.#checkName(plugin, name);
    const order = sortGraph([...this.#nodes(), this.#node(plugin, name)]);
    this.#place([plugin], name);
    const managed = this.#managed.get(name)!;
    this.#order = order;
    if (waits) return;
    if (managed instanceof Unit) return void this.enter(name, undefined);
    try {
      await managed.group.join(managed);
    } catch (error) {
      this.#forget(name);
      throw error;
    }
  }

  /** Stops and removes a plugin. Throws when another requires it. */
  async unload(name: string): Promise<void> {
    const order = sortGraph(this.#nodes().filter((node) => node.name !== name));
    const managed = this.#managed.get(name);
    if (managed) await this.#drop(managed);
    this.#forget(name);
    this.#order = order;
  }

  /** What it writes, and its folders, go by the name it declares: that must not be another's, or what has taken another's place declares. */
  #checkName({ declaration }: LoadedPlugin, place: string): void {
    for (const { name, plugin } of this.#managed.values()) {
      if (name === place || ![name, plugin.declaration.name].includes(declaration.name)) continue;
      const text = `the module for plugin "${place}" declares the name "${declaration.name}", which plugin "${name}" goes by: give it another`;
      throw new StatusError('Invalid', text);
    }
  }

  #forget(name: string): void {
    for (const each of [this.#units, this.#managed, this.#order]) each.delete(name);
  }

  /** Stops all plugins, each before those it requires. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    await this.#report?.close();
    const stopped = new Map<string, Promise<void>>();
    for (const name of [...this.#order.keys()].reverse()) {
      const unit = this.#units.get(name);
      if (!unit) continue;
      const dependents = [...this.#order].filter(([, providers]) => providers.includes(name));
      const before = Promise.all(dependents.map(async ([dependent]) => stopped.get(dependent)));
      const ended = before.then(() => this.#singletons.stop(unit));
      stopped.set(name, ended);
    }
    await Promise.all([...stopped.values(), ...this.#groups.map((group) => group.stop()), this.endings.over]);
    await this.#codecs.set([]);
    const finish = within(LAST_WRITE, 'writing to the store', () => this.#report?.finish());
    await finish.catch((error: unknown) => {
      this.#o.log.warn('the last status of the plugins could not be written', { error: String(error) });
    });
  }

  #place(plugins: readonly LoadedPlugin[], place?: string): void {
    this.#encodings.add(plugins.filter((plugin) => provides(plugin, SecretsEncoding)));
    for (const plugin of plugins) {
      const name = place ?? nameOf(plugin);
      this.#managed.set(name, this.#make(name, plugin));
    }
  }

  #make(name: string, plugin: LoadedPlugin): Unit | Remote {
    if (typeof plugin.isolation !== 'string' && this.#o.workers)
      return this.#group(plugin.isolation.worker).add(name, plugin);
    const before = this.#o.revisions?.[name] ?? 0;
    const unit = new Unit(name, plugin, before, this.#around, () => this.#changed(name));
    this.#units.set(name, unit);
    return unit;
  }

  #group(name: string): WorkerGroup {
    const found = this.#groups.find((group) => group.name === name);
    if (found) return found;
    const changed = (plugin: string): void => this.#changed(plugin);
    const group = new WorkerGroup(name, this.#encodings.plugins, this.#o.workers!, this.#around, changed);
    this.#groups.push(group);
    return group;
  }

  async #startUnit(unit: Unit): Promise<void> {
    if (!this.#stopping) await this.#singletons.start(unit);
  }

  #checkRequired(): void {
    for (const each of this.#managed.values()) {
      const { name, phase, message, lastError } = each.status();
      if (!each.plugin.declaration.required || /^(Running|Swapping|Skipped|Standby)$/.test(phase)) continue;
      if (phase === 'Pending' && this.#singletons.has(name)) continue;
      const text = `plugin "${name}", which is required, does not run (${phase}): ${message ?? lastError ?? ''}`;
      throw new StatusError('ServiceUnavailable', text);
    }
  }

  #nodes(): GraphNode[] {
    return [...this.#managed.values()].map(({ plugin, name }) => this.#node(plugin, name));
  }

  #node(plugin: LoadedPlugin, name = nameOf(plugin)): GraphNode {
    return {
      name,
      declaration: plugin.declaration,
      place: this.#o.workers ? placeOf(plugin.isolation) : 'inline',
    };
  }

  #provided(kind: string): void {
    this.#o.provided?.(kind);
    if (this.#stopping) return;
    for (const unit of this.#units.values()) unit.poke();
  }

  #changed(name: string): void {
    this.#report?.changed(name);
    this.#o.changed?.(name);
  }
}

function provides({ declaration }: LoadedPlugin, ...tokens: { kind: string }[]): boolean {
  return declaration.provides?.some(({ kind }) => tokens.some((each) => each.kind === kind)) ?? false;
}
