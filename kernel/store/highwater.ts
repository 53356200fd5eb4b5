import { readFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import type { Logger } from '../contract/index.ts';
import type { Link } from '../nats/link.ts';
import { mark, outgrow, streamState } from './stream.ts';
import type { StreamDesign } from './subjects.ts';

const NOTE_MS = 250;
/** No process gives out more revisions between two notes. */
const MARGIN = 16_384;

/**
 * The highest revision of each stream that a kernel has seen, in a file apart from the streams: how it notices at its start that what
 * it finds is older, as after a restore. What was given out of such a stream is left behind.
 */
export class HighWater {
  readonly #path: string;
  readonly #log: Logger;
  /** By the name of the stream. */
  readonly #noted: Record<string, number>;
  #saving: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  constructor(path: string, log: Logger) {
    this.#path = path;
    this.#log = log;
    this.#noted = this.#read();
  }

  /** The first revision of a stream that is made now. */
  first(design: StreamDesign): number {
    const noted = this.#noted[design.name];
    return noted === undefined ? 1 : noted + MARGIN;
  }

  /** Leaves behind what the stream does not know it gave out. */
  async enforce(link: Link, design: StreamDesign): Promise<void> {
    const noted = this.#noted[design.name] ?? 0;
    const { lastRevision, epoch } = await streamState(link, design);
    if (lastRevision < noted)
      await outgrow(link, design, { revision: noted + MARGIN, known: epoch, log: this.#log });
    this.#noted[design.name] = await mark(link, design);
  }

  /** Notes what it is told now, before anything is given out, and in short intervals from then on. */
  async follow(seen: () => [string, number][]): Promise<void> {
    await this.#save(true);
    this.#timer = setInterval(() => this.#note(seen()), NOTE_MS);
    this.#timer.unref();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#saving;
  }

  #note(seen: readonly [string, number][]): void {
    const grown = seen.filter(([name, revision]) => revision > (this.#noted[name] ?? 0));
    if (grown.length === 0) return;
    Object.assign(this.#noted, Object.fromEntries(grown));
    this.#saving = this.#saving
      .then(() => this.#save(false))
      .catch((error: Error) => this.#log.warn('cannot note the last revision', { error: error.message }));
  }

  async #save(flush: boolean): Promise<void> {
    await writeFile(`${this.#path}.new`, JSON.stringify(this.#noted), { mode: 0o600, flush });
    await rename(`${this.#path}.new`, this.#path);
  }

  #read(): Record<string, number> {
    try {
      return JSON.parse(readFileSync(this.#path, 'utf8')) as Record<string, number>;
    } catch {
      // The first start; or a power cut left half of it.
      return {};
    }
  }
}
