import {
  type Condition,
  type Controller,
  controller,
  isStatus,
  type Logger,
  type ObjectClient,
  type PluginObject,
  Plugins,
  source,
  timestamp,
  withCondition,
} from '../contract/index.ts';
import type { Managed } from './status.ts';

export interface ReportOptions {
  objects: ObjectClient;
  log: Logger;
  /** The kernel's id. */
  kernel: string;
  plugins(): Iterable<Managed>;
  /** Whether the plugins the kernel was given have been started: what objects ask for comes after. */
  ready(): boolean;
  /** Makes the plugin run as its object asks; says why not, if it cannot. */
  apply(name: string, spec: PluginObject['spec'] | undefined): Promise<string | undefined>;
}

/** Keeps the `Plugin` objects and the plugins of this kernel alike: runs what the objects ask for, and writes what runs into them. */
export class Report {
  readonly #o: ReportOptions;
  readonly #abort = new AbortController();
  readonly #problems = new Map<string, string | undefined>();
  /** By name, the generation of the object that was last acted on. */
  readonly #observed = new Map<string, number>();
  #controller: Controller | undefined;

  constructor(o: ReportOptions) {
    this.#o = o;
  }

  start(): void {
    const { objects, log } = this.#o;
    const ctx = { objects, log, signal: this.#abort.signal };
    this.#controller = controller(ctx, {
      sources: [source(ctx, Plugins)],
      reconcile: (name) => this.#reconcile(name),
    });
    for (const { name } of this.#o.plugins()) this.#controller.enqueue(name);
  }

  /** The plugin's status has changed. */
  changed(name: string): void {
    this.#controller?.enqueue(name);
  }

  /** Looks at every object again. */
  async again(): Promise<void> {
    const { items } = await this.#o.objects.list(Plugins, { revision: 0 });
    for (const { key } of items) this.#controller?.enqueue(key.name);
  }

  /** Follows the objects no longer. */
  async close(): Promise<void> {
    this.#abort.abort();
    await this.#controller?.stop();
  }

  /** Writes what is true now that everything has stopped. */
  async finish(): Promise<void> {
    if (!this.#controller) return;
    await Promise.all([...this.#o.plugins()].map(({ name }) => this.#write(name)));
  }

  async #reconcile(name: string): Promise<void> {
    const stored = await this.#o.objects.get(Plugins, { name }, { revision: 0 });
    if (this.#o.ready() && (await this.#claim(name, stored?.value))) {
      this.#problems.set(name, await this.#o.apply(name, stored?.value.spec));
      this.#observed.set(name, stored?.value.metadata?.generation ?? 0);
    }
    await this.#write(name);
  }

  /** Of several kernels one loads a plugin none of them had: the first to write its id into the object. */
  async #claim(name: string, object: PluginObject | undefined): Promise<boolean> {
    const { objects, kernel } = this.#o;
    if (object?.spec.module === undefined || [...this.#o.plugins()].some((each) => each.name === name))
      return true;
    const kernels = object.status?.kernels ?? [];
    if (kernels.length > 0) return kernels.includes(kernel);
    await objects.update(Plugins, {
      ...object,
      status: { ...object.status, phase: 'Starting', kernels: [kernel] },
    });
    return true;
  }

  async #write(name: string): Promise<void> {
    const { objects } = this.#o;
    const problem = this.#problems.get(name);
    const plugin = [...this.#o.plugins()].find((each) => each.name === name);
    const stored = await objects.get(Plugins, { name }, { revision: 0 });
    if (!stored) {
      if (!plugin) return;
      const created = this.#describe({ spec: {} }, plugin);
      await objects.create(Plugins, {
        apiVersion: 'orlop.dev/v1',
        kind: 'Plugin',
        metadata: { name },
        ...withProblem(created, problem),
      });
      return;
    }
    if (!plugin && problem === undefined) return await this.#leave(stored.value);
    const next = withProblem(
      plugin ? this.#describe(stored.value, plugin) : failed(stored.value, problem),
      problem,
    );
    const observedGeneration = this.#observed.get(name);
    if (observedGeneration) next.status = { ...next.status!, observedGeneration };
    const same =
      JSON.stringify({ spec: stored.value.spec, status: stored.value.status }) === JSON.stringify(next);
    if (!same) await objects.update(Plugins, { ...stored.value, ...next });
  }

  #describe(old: PluginObject, plugin: Managed): Described {
    const { kind, version, revision, phase, isolation, provides, healthy, message } = plugin.status();
    const others = (old.status?.kernels ?? []).filter((each) => each !== this.#o.kernel);
    const singleton = plugin.plugin.declaration.singleton === true;
    const runs = phase === 'Running' || phase === 'Swapping';
    // Where it waits for its lease, the kernel that holds it says how it is.
    if (!runs && others.length > 0 && old.status) {
      return { spec: old.spec, status: { ...old.status, kernels: others } };
    }
    return {
      spec: { ...old.spec, kind, version, isolation },
      status: {
        phase,
        version,
        revision,
        kind,
        isolation,
        provides: [...provides],
        ...(runs ? { healthy } : {}),
        ...(message === undefined ? {} : { message }),
        ...(old.status?.conditions ? { conditions: old.status.conditions } : {}),
        kernels: runs ? [...(singleton ? [] : others), this.#o.kernel].sort() : others,
      },
    };
  }

  /** A plugin this kernel no longer has: its object goes with the last kernel that ran it. */
  async #leave({ metadata, spec, status }: PluginObject): Promise<void> {
    const name = metadata!.name!;
    if (!status?.kernels?.includes(this.#o.kernel)) return;
    const kernels = status.kernels.filter((each) => each !== this.#o.kernel);
    try {
      if (kernels.length === 0 && spec.module === undefined) {
        await this.#o.objects.delete(Plugins, { name });
      } else {
        await this.#o.objects.modify(Plugins, { name }, (draft) => {
          draft.status = { ...draft.status!, kernels };
        });
      }
    } catch (error) {
      if (!isStatus(error, 'NotFound')) throw error;
    }
  }
}

type Described = Pick<PluginObject, 'spec' | 'status'>;

/** One that could not be loaded at all. */
function failed({ spec, status }: PluginObject, message: string | undefined): Described {
  return {
    spec,
    status: { ...status, phase: 'Failed', healthy: false, ...(message === undefined ? {} : { message }) },
  };
}

/** Says by the condition `Applied` whether what the object asks for could be done. */
function withProblem(
  { spec, status = { phase: 'Pending' } }: Described,
  problem: string | undefined,
): Described {
  if (problem === undefined && !status.conditions) return { spec, status };
  const condition: Condition = {
    type: 'Applied',
    status: problem === undefined ? 'True' : 'False',
    reason: problem === undefined ? 'AsAsked' : 'Refused',
    message: problem ?? '',
    lastTransitionTime: timestamp(),
  };
  return { spec, status: { ...status, conditions: [...withCondition(status.conditions, condition)] } };
}
