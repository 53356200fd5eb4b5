import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmdirSync,
  rmSync,
  statfsSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Logger } from 'orlop/plugin';

const MEMORY = '/dev/shm';
const TMPFS = 0x01021994;
const AGAIN_MS = 500;

/**
 * Keeps what nats-server stages of atomic batches in memory. It makes a folder and four synced files for each batch, moves the messages
 * from there to the stream, which it syncs, and removes the folder: all of it but the sync of the stream is for nothing, since a batch
 * that was only staged is dropped at the next start. `bench/store.bench.ts` pays for it.
 */
export class Staging {
  readonly #streams: string;
  readonly #folder: string;
  readonly #log: Logger;
  #again: NodeJS.Timeout | undefined;

  /** `store`: the server's `store_dir`. */
  constructor(store: string, log: Logger) {
    this.#log = log;
    this.#streams = join(store, 'jetstream/$G/streams');
    const id = createHash('sha256').update(store).digest('hex').slice(0, 16);
    this.#folder = join(MEMORY, `orlop-${process.getuid?.() ?? 0}-${id}`);
  }

  /** For each stream there is; again after each start of the server, which removes the links. */
  link(): void {
    clearTimeout(this.#again);
    if (!existsSync(this.#streams) || !existsSync(MEMORY) || statfsSync(MEMORY).type !== TMPFS) return;
    for (const stream of readdirSync(this.#streams)) {
      try {
        this.#link(join(this.#folder, stream), join(this.#streams, stream, 'batches'));
      } catch (error) {
        // A batch was faster and is being staged on disk, most likely.
        this.#log.debug('nats-server stages batches on disk', { stream, error: String(error) });
        clearTimeout(this.#again);
        this.#again = setTimeout(() => this.link(), AGAIN_MS).unref();
      }
    }
  }

  #link(target: string, link: string): void {
    mkdirSync(target, { recursive: true, mode: 0o700 });
    const found = lstatSync(link, { throwIfNoEntry: false });
    if (found?.isDirectory()) rmdirSync(link);
    if (!found?.isSymbolicLink()) symlinkSync(target, link);
  }

  /** When no server runs. */
  clear(): void {
    clearTimeout(this.#again);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
