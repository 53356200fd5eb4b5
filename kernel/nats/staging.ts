import { createHash } from 'node:crypto';
import { existsSync, lstatSync, mkdirSync, readdirSync, rmSync, statfsSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '../contract/index.ts';

const MEMORY = '/dev/shm';
const TMPFS = 0x01021994;

/**
 * Keeps what nats-server stages of atomic batches in memory. It makes a folder and four synced files for each batch, moves the messages
 * from there to the stream, which it syncs, and removes the folder: all of it but the sync of the stream is for nothing, since a batch
 * that was only staged is dropped at the next start. `bench/store.bench.ts` pays for it.
 */
export class Staging {
  readonly #streams: string;
  readonly #folder: string;
  readonly #log: Logger;

  /** `store`: the server's `store_dir`. */
  constructor(store: string, log: Logger) {
    this.#log = log;
    this.#streams = join(store, 'jetstream/$G/streams');
    const id = createHash('sha256').update(store).digest('hex').slice(0, 16);
    this.#folder = join(MEMORY, `orlop-${process.getuid?.() ?? 0}-${id}`);
  }

  /** For each stream there is; again after each start of the server, which removes the links. */
  link(): void {
    if (!inMemory() || !existsSync(this.#streams)) return;
    try {
      for (const stream of readdirSync(this.#streams)) this.#link(stream);
    } catch (error) {
      this.#log.warn('nats-server stages batches on disk, which makes writes slower', {
        error: (error as Error).message,
      });
    }
  }

  #link(stream: string): void {
    const link = join(this.#streams, stream, 'batches');
    // A batch has been staged on disk already: at the next start, then.
    if (lstatSync(link, { throwIfNoEntry: false })?.isDirectory()) return;
    const target = join(this.#folder, stream);
    mkdirSync(target, { recursive: true, mode: 0o700 });
    rmSync(link, { force: true });
    symlinkSync(target, link);
  }

  /** When no server runs. */
  clear(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function inMemory(): boolean {
  try {
    return statfsSync(MEMORY).type === TMPFS;
  } catch {
    return false;
  }
}
