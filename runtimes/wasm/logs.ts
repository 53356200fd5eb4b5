import { type FileHandle, open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LogLine, LogOptions } from 'orlop/plugin';

const FOLLOW_POLL_MS = 100;
const CHUNK = 64 * 1024;
const NEWLINE = Buffer.from('\n');

/** Turns the bytes of a CRI log file into lines; parts (`P`) are joined with what follows in the same stream. */
export class LogParser {
  #rest: Buffer = Buffer.alloc(0);
  readonly #parts = new Map<string, { time: string; data: Buffer[] }>();

  push(bytes: Uint8Array): LogLine[] {
    const data = Buffer.concat([this.#rest, bytes]);
    const lines: LogLine[] = [];
    let start = 0;
    for (let end = data.indexOf(10); end !== -1; end = data.indexOf(10, start)) {
      const line = this.#line(data.subarray(start, end));
      if (line !== undefined) lines.push(line);
      start = end + 1;
    }
    this.#rest = data.subarray(start);
    return lines;
  }

  /** What each stream ended with after its last newline. */
  end(): LogLine[] {
    const lines = [...this.#parts].map(([stream, { time, data }]) => line(time, stream, Buffer.concat(data)));
    this.#parts.clear();
    return lines;
  }

  #line(entry: Buffer): LogLine | undefined {
    const [time, stream, tag] = entry.toString('latin1', 0, 64).split(' ', 3);
    if (time === undefined || stream === undefined || tag === undefined) return undefined;
    const text = Buffer.from(entry.subarray(time.length + stream.length + tag.length + 3));
    const before = this.#parts.get(stream);
    if (tag === 'P') {
      if (before) before.data.push(text);
      else this.#parts.set(stream, { time, data: [text] });
      return undefined;
    }
    this.#parts.delete(stream);
    return line(before?.time ?? time, stream, Buffer.concat([...(before?.data ?? []), text, NEWLINE]));
  }
}

function line(time: string, stream: string, data: Uint8Array): LogLine {
  return { time, stream: stream === 'stderr' ? 'stderr' : 'stdout', data };
}

/**
 * A container's log, the rotated file first. With `follow`, goes on until `isRunning` is false and all is read.
 */
export async function* readLog(
  path: string,
  options: LogOptions,
  isRunning: () => boolean,
): AsyncGenerator<LogLine> {
  const parser = new LogParser();
  const since = options.since === undefined ? undefined : Date.parse(options.since);
  const wanted = (l: LogLine): boolean => since === undefined || Date.parse(l.time) >= since;
  const reader = new LogFiles(path);
  try {
    const tail = options.tailLines;
    let last: LogLine[] = [];
    let running = isRunning();
    for await (const bytes of reader.available()) {
      const lines = parser.push(bytes).filter(wanted);
      if (tail === undefined) yield* lines;
      else last = tail === 0 ? [] : [...last, ...lines].slice(-tail);
    }
    if (!options.follow || !running) last.push(...parser.end().filter(wanted));
    yield* tail === undefined ? last : last.slice(last.length - Math.min(tail, last.length));
    while (options.follow && running && !options.signal?.aborted) {
      running = isRunning();
      for await (const bytes of reader.available()) yield* parser.push(bytes).filter(wanted);
      if (!running) yield* parser.end().filter(wanted);
      else await sleep(FOLLOW_POLL_MS, undefined, { signal: options.signal }).catch(ignoreAbort);
    }
  } finally {
    await reader.close();
  }
}

function ignoreAbort(error: Error): void {
  if (error.name !== 'AbortError') throw error;
}

/** Reads a log file on across rotations. */
class LogFiles {
  readonly #path: string;
  #file: FileHandle | undefined;
  #offset = 0;
  #first = true;

  constructor(path: string) {
    this.#path = path;
  }

  /** All that is there now and was not read yet. */
  async *available(): AsyncGenerator<Uint8Array> {
    if (this.#first) {
      this.#first = false;
      this.#file = (await openIfThere(`${this.#path}.1`)) ?? (await openIfThere(this.#path));
    }
    for (;;) {
      if (this.#file === undefined) {
        this.#file = await openIfThere(this.#path);
        if (this.#file === undefined) return;
        this.#offset = 0;
      }
      yield* this.#rest(this.#file);
      if (await this.#isCurrent(this.#file)) return;
      // It was rotated away since: what was written to it before that is read now, then comes the next file.
      yield* this.#rest(this.#file);
      await this.#file.close();
      this.#file = undefined;
    }
  }

  async close(): Promise<void> {
    await this.#file?.close();
  }

  async *#rest(file: FileHandle): AsyncGenerator<Uint8Array> {
    for (;;) {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(CHUNK), 0, CHUNK, this.#offset);
      if (bytesRead === 0) return;
      this.#offset += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }

  async #isCurrent(file: FileHandle): Promise<boolean> {
    const current = await openIfThere(this.#path);
    if (current === undefined) return true;
    try {
      return (await current.stat()).ino === (await file.stat()).ino;
    } finally {
      await current.close();
    }
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
