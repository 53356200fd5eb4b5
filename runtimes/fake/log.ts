import type { LogLine, LogOptions } from 'orlop/plugin';

/** A container's log in memory: the last lines written, and readers that follow. */
export class ContainerLog {
  static readonly KEEP = 1000;
  readonly #lines: LogLine[] = [];
  readonly #wake = new Set<() => void>();
  /** Count of all lines ever written; the first kept one has number `#written - #lines.length`. */
  #written = 0;
  #ended = false;

  append(stream: LogLine['stream'], text: string): void {
    for (const line of text.split('\n')) {
      const data = Buffer.from(`${line}\n`);
      this.#lines.push({ time: new Date().toISOString(), stream, data });
      this.#written += 1;
      if (this.#lines.length > ContainerLog.KEEP) this.#lines.shift();
    }
    this.#notify();
  }

  end(): void {
    this.#ended = true;
    this.#notify();
  }

  async *read(options: LogOptions): AsyncGenerator<LogLine> {
    const first = this.#written - this.#lines.length;
    let next = Math.max(first, this.#written - (options.tailLines ?? Number.POSITIVE_INFINITY));
    const since = options.since === undefined ? 0 : Date.parse(options.since);
    while (!options.signal?.aborted) {
      next = Math.max(next, this.#written - this.#lines.length);
      if (next < this.#written) {
        const line = this.#lines[next - (this.#written - this.#lines.length)]!;
        next += 1;
        if (Date.parse(line.time) >= since) yield line;
      } else if (!options.follow || this.#ended) {
        return;
      } else {
        await this.#more(options.signal);
      }
    }
  }

  #more(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#wake.delete(done);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      this.#wake.add(done);
      signal?.addEventListener('abort', done, { once: true });
    });
  }

  #notify(): void {
    for (const wake of this.#wake) wake();
  }
}
