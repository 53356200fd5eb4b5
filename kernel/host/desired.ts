import { asStatusError, type Isolation, type PluginObject, StatusError } from '../contract/index.ts';
import type { PluginEntry, PluginSource } from './declaration.ts';

/** What a `Plugin` object can ask of the host. */
export interface Loading {
  isLoaded(name: string): boolean;
  load(name: string, source: PluginSource): Promise<void>;
  swap(name: string, source: PluginSource): Promise<void>;
  unload(name: string): Promise<void>;
}

/**
 * Makes plugins run as their `Plugin` objects ask: `spec.module` loads or swaps, `spec.config` swaps for the same module configured anew, and
 * without both (or without the object) the plugin the kernel was started with comes back, or nothing.
 */
export class Desired {
  readonly #host: Loading;
  readonly #originals: ReadonlyMap<string, PluginSource>;
  /** What was asked last, by name, and why that was refused. */
  readonly #asked = new Map<string, { what: string; problem: string | undefined }>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(host: Loading, originals: ReadonlyMap<string, PluginSource>) {
    this.#host = host;
    this.#originals = originals;
  }

  /** Why what the object asks for was refused, if it was; that is tried again only when the object changes. */
  async apply(name: string, spec: PluginObject['spec'] | undefined): Promise<string | undefined> {
    const turn = this.#turn.then(() => this.#apply(name, spec));
    this.#turn = turn.catch(() => undefined);
    return await turn;
  }

  async #apply(name: string, spec: PluginObject['spec'] | undefined): Promise<string | undefined> {
    const { module, config } = spec ?? {};
    const what = JSON.stringify({ module, config });
    const last = this.#asked.get(name) ?? { what: '{}', problem: undefined };
    if (last.what === what) return last.problem;
    const asked: { what: string; problem: string | undefined } = { what, problem: undefined };
    this.#asked.set(name, asked);
    try {
      await this.#change(name, module === undefined && config === undefined ? undefined : spec);
    } catch (error) {
      asked.problem = asStatusError(error).message;
    }
    return asked.problem;
  }

  async #change(name: string, spec: PluginObject['spec'] | undefined): Promise<void> {
    const original = this.#originals.get(name);
    if (!spec && !original) return this.#host.isLoaded(name) ? await this.#host.unload(name) : undefined;
    const source = spec ? entryOf(name, spec, original) : original!;
    if (this.#host.isLoaded(name)) await this.#host.swap(name, source);
    else await this.#host.load(name, source);
  }
}

function entryOf(name: string, spec: PluginObject['spec'], original: PluginSource | undefined): PluginEntry {
  const base = original && 'module' in original ? original : undefined;
  const module = spec.module ?? base?.module;
  if (module === undefined) {
    throw new StatusError('Invalid', `Plugin "${name}" has no spec.module: name a file or an npm package`);
  }
  const isolation = base?.isolation ?? parseIsolation(spec.isolation);
  const own = spec.module === undefined ? { ...base?.config } : {};
  return { module, config: { ...own, ...spec.config }, ...(isolation ? { isolation } : {}) };
}

/** The inverse of `isolationText`. */
function parseIsolation(text: string | undefined): Isolation | undefined {
  if (text === undefined) return undefined;
  const [place, worker] = text.split('/');
  if (place === 'process') return place;
  return place === 'worker' && worker ? { worker } : 'inline';
}
