import { asStatusError, SecretsEncoding, StatusError } from '../contract/index.ts';
import { idOf } from './codecs.ts';
import type { LoadedPlugin } from './declaration.ts';
import type { Host } from './host.ts';
import type { Managed } from './status.ts';
import type { WorkerGroup } from './worker.ts';

/**
 * The encodings of Secrets in all threads of a kernel: the plugin that writes, and those before it, whose Secrets may still be stored. Every
 * thread must be able to read what any has written, before it does.
 */
export class Encodings {
  readonly #host: Host;
  readonly #groups: readonly WorkerGroup[];
  #plugins: readonly LoadedPlugin[] = [];

  constructor(host: Host, groups: readonly WorkerGroup[]) {
    this.#host = host;
    this.#groups = groups;
  }

  /** The first writes. */
  get plugins(): readonly LoadedPlugin[] {
    return this.#plugins;
  }

  /** Those the kernel is given. */
  add(plugins: readonly LoadedPlugin[]): void {
    this.#plugins = [...this.#plugins, ...plugins];
  }

  /** Another writes; the one before is kept. Throws why not: then nothing has changed. */
  async replace(managed: Managed, next: LoadedPlugin): Promise<void> {
    let now = this.#plugins;
    // One that fails can be replaced, and does not decode.
    if (!this.#host.direct(SecretsEncoding)) now = now.slice(1);
    await this.#host.encode(now);
    try {
      await this.#tell(distinct([...now, next]));
      await managed.swap(next);
    } catch (error) {
      await this.#use(now);
      const { reason, message } = asStatusError(error);
      const was = `plugin "${managed.name}" was not swapped, revision ${managed.status().revision} goes on: `;
      throw new StatusError(reason, message.startsWith(was) ? message : was + message, {}, { cause: error });
    }
    await this.#use(distinct([next, ...now]));
  }

  /** Keeps one to decode what it wrote. Without one, all but the one that writes are let go. */
  async keep(plugin?: LoadedPlugin): Promise<void> {
    const all = plugin ? distinct([...this.#plugins, plugin]) : this.#plugins.slice(0, 1);
    if (all.length !== this.#plugins.length) await this.#use(all);
  }

  async #use(all: readonly LoadedPlugin[]): Promise<void> {
    await this.#host.encode(all.slice(1));
    this.#plugins = all;
    await this.#tell(all);
  }

  async #tell(encodings: readonly LoadedPlugin[]): Promise<void> {
    await Promise.all(this.#groups.map((group) => group.follow(encodings)));
  }
}

/** Each once, in the order of when it comes first. */
function distinct(plugins: readonly LoadedPlugin[]): LoadedPlugin[] {
  return [...new Map(plugins.map((plugin) => [idOf(plugin), plugin])).values()];
}
