import {
  asStatusError,
  encodingsToKeep,
  isMigrated,
  isPlaced,
  isStatus,
  type Logger,
  type PluginObject,
  type PluginPlacement,
  parseIsolation,
  StatusError,
} from 'orlop/plugin';
import type { Follow, LoadedPlugin, PluginEntry, PluginSource } from '../../kernel/host/index.ts';
import { moduleOf } from './plugin/module.ts';

/** What a `Plugin` object can ask of the host. */
interface Loading {
  isLoaded(name: string): boolean;
  plugins(): readonly { name: string; revision: number }[];
  load(name: string, source: PluginSource): Promise<void>;
  swap(name: string, source: PluginSource): Promise<void>;
  unload(name: string): Promise<void>;
  /** What to load for `spec.module`: a blob is brought to this machine. */
  locate(module: string): Promise<string>;
  /** To decode what it wrote; without one, those kept so far are let go. */
  keep(source?: PluginSource): Promise<void>;
}

export const follow: Follow = (host, { kernel, roles, plugins, log }) => {
  const desired = new Desired(host, kernel.id, roles, plugins, log);
  return (name, object, labels) => desired.apply(name, object, labels);
};

type Spec = PluginObject['spec'];

interface Asked {
  what: string;
  problem: string | undefined;
}

/** Where a plugin goes that is nobody's own and does not say: to the control plane. */
const ELSEWHERE: PluginPlacement = { roles: ['server'] };

/**
 * Makes plugins run as their `Plugin` objects ask, where their placement includes this kernel: `spec.module` loads or swaps, `spec.config` and
 * the rest swap for the same module as configured anew; what the process was told for the plugin goes before defaults. Without the object, or outside its placement, the plugin the kernel was started with
 * comes back, or nothing; one that is only to be placed and is not placed here is unloaded.
 */
class Desired {
  readonly #host: Loading;
  readonly #kernel: string;
  readonly #roles: readonly string[] | undefined;
  readonly #originals: ReadonlyMap<string, LoadedPlugin>;
  /** What was asked last, by name, and why that was refused. */
  readonly #asked = new Map<string, Asked>();
  readonly #log: Logger;
  /** Encodings that are kept to decode what they wrote, as asked for last, and why one is not. */
  #kept = '[]';
  #lost = '';
  #turn: Promise<unknown> = Promise.resolve();

  /** `roles`: those of this process; absent: all. */
  constructor(
    host: Loading,
    kernel: string,
    roles: readonly string[] | undefined,
    originals: readonly LoadedPlugin[],
    log: Logger,
  ) {
    this.#host = host;
    this.#kernel = kernel;
    this.#log = log;
    this.#roles = roles;
    this.#originals = new Map(originals.map((each) => [each.declaration.name, each]));
  }

  /**
   * Why what the object asks for was refused, if it was; that is tried again only when it asks for something else, when another plugin has
   * been changed, or when it was for want of a module. `labels`: of the node this kernel stands for, if any.
   */
  async apply(
    name: string,
    object: PluginObject | undefined,
    labels: Readonly<Record<string, string>> | undefined,
  ): Promise<string | undefined> {
    const turn = this.#turn.then(async () => {
      if (object?.status?.migration) await this.#keep(name, encodingsToKeep(object));
      // What is being deleted is asked for no more, though finalizers may hold it.
      const spec = object?.metadata?.deletionTimestamp === undefined ? object?.spec : {};
      const problem = await this.#apply(name, spec, labels);
      if (object && problem === undefined && this.#isMigrated(name, object)) await this.#host.keep();
      return problem;
    });
    this.#turn = turn.catch(() => undefined);
    return await turn;
  }

  /** By what runs here now: the object may not tell of the last swap yet. */
  #isMigrated(name: string, object: PluginObject): boolean {
    const own = object.status?.instances?.find(({ kernel }) => kernel === this.#kernel);
    const now = this.#host.plugins().find((each) => each.name === name);
    return own?.revision === now?.revision && isMigrated(object);
  }

  async #keep(name: string, encodings: readonly Spec[]): Promise<void> {
    const kept = JSON.stringify(encodings);
    let why = '';
    for (const spec of kept === this.#kept ? [] : encodings)
      await this.#source(name, spec, this.#originals.get(name))
        .then((source) => this.#host.keep(source))
        .catch((error: unknown) => (why = asStatusError(error).message));
    if (why !== '' && why !== this.#lost)
      this.#log.error(`plugin "${name}": Secrets it encoded before cannot be read here`, { error: why });
    this.#lost = why;
    this.#kept = why === '' ? kept : '';
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
      else await this.#change(name, placed && isAsked ? asked : undefined, original);
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

  async #change(name: string, spec: Spec | undefined, original: LoadedPlugin | undefined): Promise<void> {
    const loaded = this.#host.isLoaded(name);
    if (!spec && !original) return loaded ? await this.#host.unload(name) : undefined;
    const source = await this.#source(name, spec, original);
    if (loaded) await this.#host.swap(name, source);
    else await this.#host.load(name, source);
  }

  async #source(name: string, spec: Spec = {}, original: LoadedPlugin | undefined): Promise<PluginSource> {
    if (original && Object.keys(spec).length === 0) return sourceOf(original);
    const entry = entryOf(name, spec, original);
    try {
      return { ...entry, module: moduleOf(await this.#host.locate(entry.module)) };
    } catch (error) {
      // It may be there the next time.
      throw isStatus(error, 'Invalid') ? error : new StatusError('NotFound', asStatusError(error).message);
    }
  }
}

/** What this process was told for the plugin by flags holds for whatever runs in its place. */
function entryOf(name: string, spec: Spec, base: LoadedPlugin | undefined): PluginEntry {
  const module = spec.module ?? base?.entry?.module;
  if (module === undefined) {
    throw new StatusError('Invalid', `Plugin "${name}" has no spec.module: name a file or an npm package`);
  }
  const isolation = spec.isolation === undefined ? base?.entry?.isolation : parseIsolation(spec.isolation);
  if (spec.isolation !== undefined && !isolation) {
    const text = `spec.isolation ${JSON.stringify(spec.isolation)} is none of inline, process and worker/NAME`;
    throw new StatusError('Invalid', text);
  }
  const { kind, version, config = {}, resources } = spec;
  const memory = resources?.limits?.memory;
  return {
    module,
    kind,
    version,
    memory,
    config,
    ...(base ? { defaults: base.given } : {}),
    ...(isolation ? { isolation } : {}),
  };
}

function sourceOf({ declaration, config, isolation, entry }: LoadedPlugin): PluginSource {
  return entry ? { module: entry.module, config, isolation } : declaration;
}
