import {
  asStatusError,
  isPlaced,
  isStatus,
  type PluginObject,
  type PluginPlacement,
  parseIsolation,
  StatusError,
} from '../contract/index.ts';
import type { LoadedPlugin, PluginEntry, PluginSource } from './declaration.ts';

/** What a `Plugin` object can ask of the host. */
export interface Loading {
  isLoaded(name: string): boolean;
  load(name: string, source: PluginSource): Promise<void>;
  swap(name: string, source: PluginSource): Promise<void>;
  unload(name: string): Promise<void>;
  /** What to load for `spec.module`: a blob is brought to this machine. */
  locate(module: string): Promise<string>;
}

type Spec = PluginObject['spec'];

interface Asked {
  what: string;
  problem: string | undefined;
}

/** Where a plugin goes that is nobody's own and does not say: to the control plane. */
const ELSEWHERE: PluginPlacement = { roles: ['server'] };

/**
 * Makes plugins run as their `Plugin` objects ask, where their placement includes this kernel: `spec.module` loads or swaps, `spec.config` and
 * the rest swap for the same module as configured anew. Without the object, or outside its placement, the plugin the kernel was started with
 * comes back, or nothing; one that is only to be placed and is not placed here is unloaded.
 */
export class Desired {
  readonly #host: Loading;
  readonly #roles: readonly string[] | undefined;
  readonly #originals: ReadonlyMap<string, LoadedPlugin>;
  /** What was asked last, by name, and why that was refused. */
  readonly #asked = new Map<string, Asked>();
  #turn: Promise<unknown> = Promise.resolve();

  /** `roles`: those of this process; absent: all. */
  constructor(host: Loading, roles: readonly string[] | undefined, originals: readonly LoadedPlugin[]) {
    this.#host = host;
    this.#roles = roles;
    this.#originals = new Map(originals.map((each) => [each.declaration.name, each]));
  }

  /**
   * Why what the object asks for was refused, if it was; that is tried again only when it asks for something else, when another plugin has
   * been changed, or when it was for want of a module. `labels`: of the node this kernel stands for, if any.
   */
  async apply(
    name: string,
    spec: Spec | undefined,
    labels: Readonly<Record<string, string>> | undefined,
  ): Promise<string | undefined> {
    const turn = this.#turn.then(() => this.#apply(name, spec, labels));
    this.#turn = turn.catch(() => undefined);
    return await turn;
  }

  async #apply(
    name: string,
    spec: Spec = {},
    labels: Readonly<Record<string, string>> | undefined,
  ): Promise<string | undefined> {
    const original = this.#originals.get(name);
    const { placement = original ? {} : ELSEWHERE, ...asked } = spec;
    const placed = isPlaced(placement, { roles: this.#roles, labels });
    const isAsked = Object.values(asked).some((value) => value !== undefined);
    const away = !placed && !isAsked && original !== undefined;
    const what = placed && isAsked ? JSON.stringify(asked) : away ? 'nothing' : 'original';
    const last = this.#asked.get(name) ?? { what: 'original', problem: undefined };
    if (last.what === what) return last.problem;
    const now: Asked = { what, problem: undefined };
    this.#asked.set(name, now);
    try {
      if (away) await this.#remove(name, original);
      else await this.#change(name, placed && isAsked ? asked : undefined, original, now);
      if (what === 'original') this.#asked.delete(name);
      // What they lacked, or what was in their way.
      for (const each of this.#asked.values()) if (each.problem !== undefined) each.what = '';
    } catch (error) {
      if (isStatus(error, 'NotFound')) now.what = '';
      now.problem = asStatusError(error).message;
    }
    return now.problem;
  }

  async #remove(name: string, original: LoadedPlugin): Promise<void> {
    if (original.declaration.required) {
      throw new StatusError('Invalid', `plugin "${name}" is required here: no placement can take it away`);
    }
    if (this.#host.isLoaded(name)) await this.#host.unload(name);
  }

  async #change(
    name: string,
    spec: Spec | undefined,
    original: LoadedPlugin | undefined,
    now: Asked,
  ): Promise<void> {
    const loaded = this.#host.isLoaded(name);
    if (!spec && !original) return loaded ? await this.#host.unload(name) : undefined;
    const source = spec
      ? await this.#located(entryOf(name, spec, original?.entry), now)
      : sourceOf(original!);
    if (loaded) await this.#host.swap(name, source);
    else await this.#host.load(name, source);
  }

  async #located(entry: PluginEntry, now: Asked): Promise<PluginEntry> {
    try {
      return { ...entry, module: await this.#host.locate(entry.module) };
    } catch (error) {
      // As if it had not been asked for: it may be there the next time.
      if (!isStatus(error, 'Invalid')) now.what = '';
      throw error;
    }
  }
}

function entryOf(name: string, spec: Spec, base: PluginEntry | undefined): PluginEntry {
  const module = spec.module ?? base?.module;
  if (module === undefined) {
    throw new StatusError('Invalid', `Plugin "${name}" has no spec.module: name a file or an npm package`);
  }
  const isolation = spec.isolation === undefined ? base?.isolation : parseIsolation(spec.isolation);
  if (spec.isolation !== undefined && !isolation) {
    const text = `spec.isolation ${JSON.stringify(spec.isolation)} is none of inline, process and worker/NAME`;
    throw new StatusError('Invalid', text);
  }
  const { kind, version, resources } = spec;
  const memory = resources?.limits?.memory;
  const own = spec.module === undefined ? { ...base?.config } : {};
  const config = { ...own, ...spec.config };
  return { module, kind, version, memory, config, ...(isolation ? { isolation } : {}) };
}

function sourceOf({ declaration, config, isolation, entry }: LoadedPlugin): PluginSource {
  return entry ? { module: entry.module, config, isolation } : declaration;
}
