import { setTimeout as sleep } from 'node:timers/promises';
import { type Context, isStatus, keyOf, Secrets, type StoredObject } from 'orlop/plugin';
import type { MigratorConfig } from './config.ts';
import { Encoders } from './encoders.ts';

/** Milliseconds between two times it is said how many Secrets are left. */
const TELL = 1_000;

/** Looks again and again for Secrets stored under an old encoding or key, and writes each anew. It keeps no state: a killed one goes on. */
export class Migrator {
  readonly #ctx: Context<MigratorConfig>;
  readonly #stopping = new AbortController();
  readonly #encoders: Encoders;
  readonly #done: Promise<void>;
  /** Ends the pause between two looks. */
  #wake = new AbortController();
  /** Of the last look: how many there were still to write, and those that cannot be, with why. */
  #left = 0;
  #stuck = new Map<string, string>();

  constructor(ctx: Context<MigratorConfig>) {
    this.#ctx = ctx;
    this.#encoders = new Encoders(ctx, () => this.#wake.abort());
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
    await Promise.all([this.#done, this.#encoders.stop()]);
  }

  async #run(): Promise<void> {
    const { log, config } = this.#ctx;
    while (!this.#stopping.signal.aborted) {
      this.#wake = new AbortController();
      try {
        // What it has written anew it counts at once: whoever waits for that need not wait for the next look.
        if (await this.#look()) continue;
      } catch (error) {
        log.warn('cannot look for Secrets under an old key; trying again', {
          error: (error as Error).message,
        });
      }
      await this.#pause(config.intervalSeconds * 1000, this.#wake.signal);
    }
  }

  /** Whether it has written any. */
  async #look(): Promise<boolean> {
    const { objects, log, config } = this.#ctx;
    const encoders = await this.#encoders.list();
    const { items } = await objects.list(Secrets, { revision: 0 });
    const stale = items.filter((item) => item.stale);
    const stuck = new Map<string, string>();
    this.#left = stale.length;
    if (stale.length > this.#stuck.size) log.info(this.#announce(stale.length));
    let told = 0;
    for (const item of stale) {
      if (this.#stopping.signal.aborted) return false;
      if (performance.now() - told > TELL) {
        for (const each of encoders) await this.#encoders.tell(each, this.#left);
        told = performance.now();
      }
      const problem = await this.#rewrite(item);
      if (problem !== undefined) stuck.set(keyOf(item.key), problem);
      else this.#left -= 1;
      await this.#pause(1000 / config.perSecond);
    }
    if (stale.length > stuck.size) log.info(`${stale.length - stuck.size} Secrets were written anew`);
    if (stuck.size > this.#stuck.size)
      log.warn('some Secrets cannot be written anew', Object.fromEntries(stuck));
    this.#stuck = stuck;
    // Others count when they have been looked at again.
    if (stale.length === 0) for (const each of encoders) await this.#encoders.tell(each, 0);
    return stale.length > stuck.size;
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

  async #pause(ms: number, ...signals: AbortSignal[]): Promise<void> {
    const signal = AbortSignal.any([this.#stopping.signal, ...signals]);
    await sleep(ms, undefined, { signal }).catch(() => undefined);
  }
}
