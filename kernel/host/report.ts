import {
  type Controller,
  controller,
  isPluginRunning,
  isStatus,
  type Node,
  Nodes,
  type ObjectClient,
  type PluginInstance,
  type PluginObject,
  Plugins,
  pluginStatus,
  type Subscription,
  source,
} from '../contract/index.ts';
import type { HostOptions } from './host.ts';
import type { Managed } from './status.ts';

export interface ReportOptions extends Pick<HostOptions, 'bus' | 'log' | 'kernel' | 'crashes'> {
  objects: ObjectClient;
  /** Milliseconds after which it looks again whether the kernels that said they run something are there. */
  interval: number;
  plugins(): Iterable<Managed>;
  /** Whether the plugins the kernel was given have been started: what objects ask for comes after. */
  ready(): boolean;
  apply: Follower;
}

/** What is remembered of plugins that ended the process before this one. */
export interface Crashes {
  /** Why what the object asks for is not run for now, if it is not: asked before each try. Without a spec there is no object. */
  held(name: string, spec: PluginObject['spec'] | undefined): string | undefined;
  /** What the plugin's status tells of it. */
  past(name: string): Pick<PluginInstance, 'restarts' | 'lastError' | 'reason'>;
}
/** Makes the plugin run as its object asks, on a node with these labels; says why not, if it cannot. */
export type Follower = (
  name: string,
  object: PluginObject | undefined,
  labels: Readonly<Record<string, string>> | undefined,
) => Promise<string | undefined>;

interface Outcome {
  refused: string | undefined;
  /** Of the object that was acted on. */
  generation: number;
}

/** Keeps the `Plugin` objects and the plugins of this kernel alike: runs what the objects ask for, and writes what runs into them. */
export class Report {
  readonly #o: ReportOptions;
  readonly #abort = new AbortController();
  readonly #outcomes = new Map<string, Outcome>();
  /** Those to look at again when the labels of this kernel's node change. */
  readonly #selecting = new Set<string>();
  /** By plugin, kernels that have written into its object and are not there: to be struck off, once. */
  #gone = new Map<string, ReadonlySet<string>>();
  #applying: Controller | undefined;
  #writing: Controller | undefined;
  #alive: Subscription | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(o: ReportOptions) {
    this.#o = o;
  }

  start(): void {
    const { objects, log, kernel, bus, interval } = this.#o;
    const ctx = { objects, log, signal: this.#abort.signal };
    const own: { where(node: Node): boolean } = { where: ({ metadata }) => metadata?.name === kernel.node };
    const labels = kernel.node === undefined ? [] : [source(ctx, Nodes, () => this.#selecting, own)];
    // Two, so that the steps of a change are written while it is under way.
    const writing = controller(ctx, { sources: [], reconcile: (name) => this.#write(name) });
    const plugins = source(ctx, Plugins, ({ metadata }) => {
      writing.enqueue(metadata!.name!);
      return [metadata!.name!];
    });
    this.#writing = writing;
    this.#applying = controller(ctx, {
      sources: [plugins, ...labels],
      reconcile: async (name) => (this.#o.ready() ? await this.apply(name) : undefined),
    });
    for (const { name } of this.#o.plugins()) writing.enqueue(name);
    this.#alive = bus.serve(subject(kernel.id), () => null);
    this.#timer = setInterval(() => void this.#look(), interval).unref();
  }

  /** The plugin's status has changed. */
  changed(name: string): void {
    this.#writing?.enqueue(name);
  }

  /** Looks at every object again. */
  async again(): Promise<void> {
    const { items } = await this.#o.objects.list(Plugins, { revision: 0 });
    for (const { key } of items) this.#applying?.enqueue(key.name);
  }

  /** Follows the objects no longer. */
  async close(): Promise<void> {
    this.#abort.abort();
    clearInterval(this.#timer);
    this.#alive?.close();
    await Promise.all([this.#applying?.stop(), this.#writing?.stop()]);
  }

  /** Writes what is true now that everything has stopped. */
  async finish(): Promise<void> {
    if (!this.#writing) return;
    await Promise.all([...this.#o.plugins()].map(({ name }) => this.#write(name)));
  }

  /** Makes it run as its object asks, now. */
  async apply(name: string): Promise<void> {
    const { objects, kernel } = this.#o;
    const [stored, node] = await Promise.all([
      objects.get(Plugins, { name }, { revision: 0 }),
      kernel.node === undefined ? undefined : objects.get(Nodes, { name: kernel.node }, { revision: 0 }),
    ]);
    const { spec, metadata } = stored?.value ?? {};
    if (spec?.placement?.nodeSelector) this.#selecting.add(name);
    else this.#selecting.delete(name);
    const labels = node && (node.value.metadata?.labels ?? {});
    const refused = await this.#o.apply(name, stored?.value, labels);
    this.#outcomes.set(name, { refused, generation: metadata?.generation ?? 0 });
    this.#writing?.enqueue(name);
    if (refused === undefined) this.#retry();
  }

  async #write(name: string): Promise<void> {
    const { objects, kernel } = this.#o;
    const plugin = [...this.#o.plugins()].find((each) => each.name === name);
    const stored = await objects.get(Plugins, { name }, { revision: 0 });
    const own = this.#instance(name, plugin);
    if (!stored) {
      if (!plugin || !own) return void this.#outcomes.delete(name);
      // Its object has been deleted, and that is still to be acted on.
      if (this.#outcomes.get(name)?.generation) return;
      const object = { apiVersion: 'orlop.dev/v1', kind: 'Plugin', metadata: { name }, spec: {} } as const;
      await objects.create(Plugins, { ...object, status: pluginStatus([own]) });
      return;
    }
    const { spec, status, metadata } = stored.value;
    if (!own && this.#outcomes.get(name)?.generation !== metadata?.generation) return;
    const gone = this.#gone.get(name);
    this.#gone.delete(name);
    const before = status?.instances ?? [];
    const others = before.filter((each) => each.kernel !== kernel.id && !gone?.has(each.kernel));
    const leaves = !own || (own.phase === 'Stopped' && others.length > 0);
    const instances = (leaves ? others : [...others, own]).sort((a, b) => (a.kernel < b.kernel ? -1 : 1));
    // Nobody has it any more, and nobody asked for it: it was one of a kernel's own set.
    if (instances.length === 0 && before.length > 0 && Object.keys(spec ?? {}).length === 0) {
      return await objects.delete(Plugins, { name }, { revision: stored.revision }).then(() => undefined);
    }
    const next = pluginStatus(instances, status);
    if (JSON.stringify(status) !== JSON.stringify(next))
      await objects.update(Plugins, { ...stored.value, status: next }).catch((error: unknown) => {
        // Deleted meanwhile, it is looked at once more.
        if (!isStatus(error, 'NotFound')) throw error;
      });
  }

  /** Of this kernel; `undefined` where it has no such plugin and was refused none. */
  #instance(at: string, plugin: Managed | undefined): PluginInstance | undefined {
    const { id, node } = this.#o.kernel;
    const { refused, generation } = this.#outcomes.get(at) ?? {};
    if (!plugin && refused === undefined) return undefined;
    const past = this.#o.crashes?.past(at);
    const where = { kernel: id, ...(node === undefined ? {} : { node }), ...past };
    const seen = {
      ...(generation ? { observedGeneration: generation } : {}),
      ...(refused === undefined ? {} : { refused }),
    };
    if (!plugin) return { ...where, ...seen, phase: 'Failed', healthy: false, message: refused! };
    const { name: _, description: __, required: ___, healthy, provides, ...status } = plugin.status();
    const health = isPluginRunning(status) ? { healthy } : {};
    const restarts = (past?.restarts ?? 0) + (status.restarts ?? 0);
    const again = restarts > 0 ? { restarts } : {};
    return { ...where, ...seen, ...status, ...again, provides: [...provides], ...health };
  }

  /** What was refused for want of something may find it now. */
  #retry(): void {
    for (const [name, { refused }] of this.#outcomes)
      if (refused !== undefined) this.#applying?.enqueue(name);
  }

  /** NATS knows at once that nobody answers for a kernel; one that is back writes its own again. */
  async #look(): Promise<void> {
    const { objects, bus, kernel, log } = this.#o;
    this.#retry();
    try {
      await this.again();
      const { items } = await objects.list(Plugins, { revision: 0 });
      const kernels = new Set(items.flatMap(({ value }) => kernelsOf(value)));
      kernels.delete(kernel.id);
      const gone = new Set<string>();
      const ask = (id: string) =>
        bus.request(subject(id), null).catch((error: unknown) => {
          if (isStatus(error, 'ServiceUnavailable')) gone.add(id);
        });
      await Promise.all([...kernels].map(ask));
      for (const { key, value } of items) {
        if (!kernelsOf(value).some((id) => gone.has(id))) continue;
        this.#gone.set(key.name, gone);
        this.#writing?.enqueue(key.name);
      }
    } catch (error) {
      log.debug('which kernels are there cannot be said', { error: String(error) });
    }
  }
}

function kernelsOf({ status }: PluginObject): string[] {
  return (status?.instances ?? []).map((each) => each.kernel);
}

function subject(kernel: string): string {
  return `orlop.kernel.${kernel}.alive`;
}
