import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';

/** As kubelet's default `containerLogMaxSize`. The file before is kept, so up to twice this is readable. */
export const MAX_LOG_BYTES = 10 * 1024 * 1024;

const NEWLINE = 10;

/**
 * Writes a container's log in the CRI format: `TIME STREAM TAG TEXT` per line, where tag `F` ends a line and `P` is a part of one.
 * Synchronous, in the guest's own thread: what was written is on disk even when the thread is terminated in the next moment.
 */
export class LogWriter {
  readonly #path: string;
  readonly #maxBytes: number;
  #fd: number;
  #size: number;

  constructor(path: string, maxBytes = MAX_LOG_BYTES) {
    this.#path = path;
    this.#maxBytes = maxBytes;
    this.#fd = openSync(path, 'a');
    this.#size = fstatSync(this.#fd).size;
  }

  write(stream: 'stdout' | 'stderr', bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const parts: Uint8Array[] = [];
    const time = new Date().toISOString().replace('Z', '000000Z');
    for (let start = 0; start < bytes.length; ) {
      const newline = bytes.indexOf(NEWLINE, start);
      const end = newline === -1 ? bytes.length : newline;
      parts.push(Buffer.from(`${time} ${stream} ${newline === -1 ? 'P' : 'F'} `), bytes.subarray(start, end));
      parts.push(Buffer.of(NEWLINE));
      start = end + 1;
    }
    const entry = Buffer.concat(parts);
    if (this.#size > 0 && this.#size + entry.length > this.#maxBytes) this.#rotate();
    for (let at = 0; at < entry.length; ) at += writeSync(this.#fd, entry, at);
    this.#size += entry.length;
  }

  close(): void {
    closeSync(this.#fd);
  }

  #rotate(): void {
    closeSync(this.#fd);
    renameSync(this.#path, `${this.#path}.1`);
    this.#fd = openSync(this.#path, 'a');
    this.#size = 0;
  }
}
