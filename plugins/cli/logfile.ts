import { createWriteStream, openSync, renameSync, statSync, type WriteStream } from 'node:fs';

const LIMIT_BYTES = 10 << 20;
/** Older ones, `.1` the youngest. */
const KEPT = 3;

/**
 * A log that never holds more than its last `limit` bytes, about, and `KEPT` older files of as much. What cannot be written is told on
 * standard error and lost; it is tried again with the next line.
 */
export class LogFile {
  readonly #path: string;
  readonly #limit: number;
  #stream: WriteStream | undefined;
  /** With those of older files that are not written yet. */
  readonly #streams = new Set<WriteStream>();
  #size: number;
  #isBroken = false;

  constructor(path: string, limit = LIMIT_BYTES) {
    this.#path = path;
    this.#limit = limit;
    this.#size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  }

  write(text: string): void {
    if (this.#size >= this.#limit) this.#rotate();
    try {
      this.#stream ??= this.#open();
    } catch (error) {
      this.#failed(error as Error);
      return;
    }
    this.#size += Buffer.byteLength(text);
    this.#stream.write(text, (error) => {
      if (!error) this.#isBroken = false;
    });
  }

  /** Resolves when all of it is written. A line that comes later opens it again. */
  async close(): Promise<void> {
    const closed = [...this.#streams].map(
      (stream) => new Promise<void>((resolve) => stream.once('close', resolve)),
    );
    this.#stream?.end();
    this.#stream = undefined;
    await Promise.all(closed);
  }

  /** What the stream has yet to write goes to the file it has open, whatever that is called by then. */
  #rotate(): void {
    this.#size = 0;
    try {
      for (let age = KEPT; age > 0; age--) {
        const from = age === 1 ? this.#path : `${this.#path}.${age - 1}`;
        if (statSync(from, { throwIfNoEntry: false })) renameSync(from, `${this.#path}.${age}`);
      }
      this.#stream?.end();
      this.#stream = undefined;
    } catch (error) {
      this.#failed(error as Error);
    }
  }

  #open(): WriteStream {
    const stream = createWriteStream(this.#path, { fd: openSync(this.#path, 'a', 0o600) });
    this.#streams.add(stream);
    stream.once('close', () => this.#streams.delete(stream));
    stream.on('error', (error) => {
      if (this.#stream === stream) this.#stream = undefined;
      this.#failed(error);
    });
    return stream;
  }

  #failed({ message }: Error): void {
    if (!this.#isBroken) process.stderr.write(`orlop: the log ${this.#path} cannot be written: ${message}\n`);
    this.#isBroken = true;
  }
}
