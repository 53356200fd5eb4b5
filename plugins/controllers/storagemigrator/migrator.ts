import { setTimeout as sleep } from 'node:timers/promises';
import { type Context, isStatus, keyOf, Secrets, type StoredObject } from 'orlop/plugin';
import type { MigratorConfig } from './config.ts';

/** Looks again and again for Secrets stored under an old encoding or key, and writes each anew. It keeps no state: a killed one goes on. */
export class Migrator {
  readonly #ctx: Context<MigratorConfig>;
  readonly #stopping = new AbortController();
  readonly #done: Promise<void>;
  /** Of the last look: how many there were still to write, and those that cannot be, with why. */
  #left = 0;
  #stuck = new Map<string, string>();

  constructor(ctx: Context<MigratorConfig>) {
    this.#ctx = ctx;
    this.#done = this.#run();
  }

  progress(): string {
    const [stuck] = this.#stuck;
    if (stuck) return `${this.#stuck.size} Secrets cannot be written anew; ${stuck[0]}: ${stuck[1]}`;
    return this.#left > 0
      ? `${this.#left} Secrets are still stored under an old encoding or key`
      : 'all Secrets are stored under the current encoding and key';
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { log, config } = this.#ctx;
    while (!this.#stopping.signal.aborted) {
      try {
        await this.#look();
      } catch (error) {
        log.warn('cannot look for Secrets under an old key; trying again', {
          error: (error as Error).message,
        });
      }
      await this.#pause(config.intervalSeconds * 1000);
    }
  }

  async #look(): Promise<void> {
    const { objects, log, config } = this.#ctx;
    const { items } = await objects.list(Secrets, { revision: 0 });
    const stale = items.filter((item) => item.stale);
    const stuck = new Map<string, string>();
    this.#left = stale.length;
    if (stale.length > this.#stuck.size) log.info(this.#announce(stale.length));
    for (const item of stale) {
      if (this.#stopping.signal.aborted) return;
      const problem = await this.#rewrite(item);
      if (problem !== undefined) stuck.set(keyOf(item.key), problem);
      else this.#left -= 1;
      await this.#pause(1000 / config.perSecond);
    }
    if (stale.length > stuck.size) log.info(`${stale.length - stuck.size} Secrets were written anew`);
    if (stuck.size > this.#stuck.size)
      log.warn('some Secrets cannot be written anew', Object.fromEntries(stuck));
    this.#stuck = stuck;
  }

  #announce(count: number): string {
    return `${count} Secrets are stored under an old encoding or key: writing them anew, ${this.#ctx.config.perSecond} a second`;
  }

  /** An update that changes nothing: the store writes it because of how the present revision is stored. Returns why it could not. */
  async #rewrite({ key }: StoredObject): Promise<string | undefined> {
    try {
      await this.#ctx.objects.modify(Secrets, key, () => undefined);
      return undefined;
    } catch (error) {
      if (isStatus(error, 'NotFound')) return undefined;
      return (error as Error).message;
    }
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }
}
