import { SecretsEncoding } from '../contract/index.ts';
import type { LoadedPlugin } from './declaration.ts';
import { Listeners } from './listeners.ts';
import { Run, type Surroundings } from './run.ts';
import { Serving } from './serving.ts';

/**
 * Encodings of Secrets that no unit of this thread runs: those that wrote what is still stored, which nobody else can decode; in a worker
 * thread, where services of another cannot be called, the one that writes as well.
 */
export class Codecs {
  readonly #around: Surroundings;
  #runs: ReadonlyMap<string, Run> = new Map();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(around: Surroundings) {
    this.#around = around;
  }

  /** In the order of their plugins. */
  get services(): SecretsEncoding[] {
    const provisions = [...this.#runs.values()].flatMap((run) => run.provisions);
    const own = provisions.filter(({ token }) => token.kind === SecretsEncoding.kind);
    return own.map(({ service }) => service as SecretsEncoding);
  }

  /** Runs these and no others. Throws why one does not start: then it runs what it did, and those that did start. */
  async set(plugins: readonly LoadedPlugin[]): Promise<void> {
    const turn = this.#turn.then(() => this.#set(plugins));
    this.#turn = turn.catch(() => undefined);
    await turn;
  }

  async #set(plugins: readonly LoadedPlugin[]): Promise<void> {
    const before = this.#runs;
    const runs = new Map<string, Run>();
    for (const plugin of plugins) {
      const id = idOf(plugin);
      runs.set(id, before.get(id) ?? (await this.#start(plugin)));
      this.#runs = new Map([...runs, ...before]);
    }
    this.#runs = runs;
    for (const [id, run] of before) if (!runs.has(id)) await run.stop('no Secret is stored by it any more');
  }

  async #start(plugin: LoadedPlugin): Promise<Run> {
    const { bus, kernel, timing } = this.#around;
    const { name } = plugin.declaration;
    const run = new Run(plugin, 0, this.#around, new Serving(bus, `orlop.${kernel.id}.${name}`));
    await run.start(new Listeners(name), undefined, timing.swap, false);
    return run;
  }
}

/** Of what is the same encoding with the same configuration. */
export function idOf({ declaration: { name, version }, entry, config }: LoadedPlugin): string {
  return JSON.stringify([entry?.module ?? `${name} ${version}`, config]);
}
