import { type BlobInfo, type Context, type Controller, controller, isStatus } from 'orlop/plugin';
import type { Config } from './config.ts';
import { referred } from './referrers.ts';

type Needs = Pick<Context<Config>, 'blobs' | 'config' | 'log' | 'objects' | 'signal'>;

/** Looks at all blobs, over and over. */
export function run(ctx: Needs): Controller {
  const { graceSeconds, periodSeconds } = ctx.config;
  const collector = new Collector(ctx, graceSeconds * 1000);
  const loop = controller(ctx, {
    sources: [],
    async reconcile() {
      await collector.collect();
      return { after: periodSeconds * 1000 };
    },
  });
  loop.enqueue('blobs');
  return loop;
}

export class Collector {
  readonly #ctx: Pick<Needs, 'blobs' | 'log' | 'objects'>;
  readonly #grace: number;
  /** Since when, by this process's own clock, nothing was seen to refer to a blob. */
  readonly #unused = new Map<string, number>();

  /** `grace` in milliseconds. */
  constructor(ctx: Pick<Needs, 'blobs' | 'log' | 'objects'>, grace: number) {
    this.#ctx = ctx;
    this.#grace = grace;
  }

  async collect(): Promise<void> {
    const { blobs, log, objects } = this.#ctx;
    const due = await this.#due();
    const deleted: string[] = [];
    for (const { digest, revision } of due) {
      // Right before, from the store's leader: what was written meanwhile counts.
      if ((await referred(objects)).has(digest)) continue;
      try {
        await blobs.delete(digest, { revision });
        deleted.push(digest);
      } catch (error) {
        // It was put again: somebody is about to use it.
        if (!isStatus(error, 'Conflict')) throw error;
      }
    }
    if (deleted.length > 0) {
      // An object written between that look and the deletion: its blob is brought back. One written later names a blob that was gone.
      const used = await referred(objects);
      for (const digest of deleted) {
        if (used.has(digest)) await blobs.keep(digest);
        else log.info('deleted a blob that nothing refers to', { digest });
      }
    }
    await blobs.sweep(this.#grace);
  }

  /** Those that are old enough, and that nothing has referred to for long enough. */
  async #due(): Promise<BlobInfo[]> {
    const { blobs, objects } = this.#ctx;
    const all = await blobs.list();
    const used = all.length === 0 ? new Set<string>() : await referred(objects);
    const unused = all.filter(({ digest }) => !used.has(digest));
    const now = performance.now();
    const known = new Set(unused.map(({ digest }) => digest));
    for (const digest of this.#unused.keys()) if (!known.has(digest)) this.#unused.delete(digest);
    return unused.filter(({ digest, modified }) => {
      const since = this.#unused.get(digest) ?? now;
      this.#unused.set(digest, since);
      return now - since >= this.#grace && Date.now() - modified.getTime() >= this.#grace;
    });
  }
}
