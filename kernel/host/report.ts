import {
  type Controller,
  controller,
  isStatus,
  type Logger,
  type ObjectClient,
  type PluginObject,
  Plugins,
  source,
} from '../contract/index.ts';
import type { Managed } from './status.ts';

export interface ReportOptions {
  objects: ObjectClient;
  log: Logger;
  /** The kernel's id. */
  kernel: string;
  plugins(): Iterable<Managed>;
}

/** Keeps the `Plugin` objects true: what runs in this kernel, and how. */
export class Report {
  readonly #o: ReportOptions;
  readonly #abort = new AbortController();
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

  /** Writes what is true now that everything has stopped. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#controller?.stop();
    if (!this.#controller) return;
    await Promise.all([...this.#o.plugins()].map(({ name }) => this.#reconcile(name)));
  }

  async #reconcile(name: string): Promise<void> {
    const { objects } = this.#o;
    const plugin = [...this.#o.plugins()].find((each) => each.name === name);
    const stored = await objects.get(Plugins, { name }, { revision: 0 });
    if (!plugin) return stored && (await this.#leave(stored.value));
    if (!stored) {
      const created = this.#describe({ spec: {} }, plugin);
      await objects.create(Plugins, {
        apiVersion: 'orlop.dev/v1',
        kind: 'Plugin',
        metadata: { name },
        ...created,
      });
      return;
    }
    const next = this.#describe(stored.value, plugin);
    const same =
      JSON.stringify({ spec: stored.value.spec, status: stored.value.status }) === JSON.stringify(next);
    if (!same) await objects.update(Plugins, { ...stored.value, ...next });
  }

  #describe(old: PluginObject, plugin: Managed): Pick<PluginObject, 'spec' | 'status'> {
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
        healthy,
        ...(message === undefined ? {} : { message }),
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
