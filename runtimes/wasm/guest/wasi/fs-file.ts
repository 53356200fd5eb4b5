import { closeSync, fstatSync, readSync, writeSync } from 'node:fs';
import { attemptStream } from './fs-errors.ts';
import { CLOSED, InputStream, OutputStream } from './io.ts';

/** More is read in several calls. */
const MAX_READ = 1024 * 1024;

/** An open file, shared by its descriptor and the streams made of it; closed when the last of them is dropped. */
export class OpenFile {
  readonly fd: number;
  #users = 1;

  constructor(fd: number) {
    this.fd = fd;
  }

  use(): this {
    this.#users += 1;
    return this;
  }

  release(): void {
    this.#users -= 1;
    if (this.#users === 0) closeSync(this.fd);
  }

  /** Fewer than `length` bytes at the end of the file, and none beyond it. */
  read(length: number, offset: number): Uint8Array {
    const buffer = Buffer.allocUnsafe(Math.min(length, MAX_READ));
    return buffer.subarray(0, readSync(this.fd, buffer, 0, buffer.length, offset));
  }

  write(bytes: Uint8Array, offset: number): void {
    for (let at = 0; at < bytes.length; ) at += writeSync(this.fd, bytes, at, bytes.length - at, offset + at);
  }
}

export class FileInputStream extends InputStream {
  readonly #file: OpenFile;

  constructor(file: OpenFile, offset: number) {
    let at = offset;
    super((length) => {
      if (length === 0) return new Uint8Array();
      const bytes = attemptStream(() => file.read(length, at));
      if (bytes.length === 0) throw CLOSED;
      at += bytes.length;
      return bytes;
    });
    this.#file = file.use();
  }

  [Symbol.dispose](): void {
    this.#file.release();
  }
}

export class FileOutputStream extends OutputStream {
  readonly #file: OpenFile;

  /** `offset` undefined: always at the file's end. */
  constructor(file: OpenFile, offset: number | undefined) {
    let at = offset;
    super((bytes) =>
      attemptStream(() => {
        file.write(bytes, at ?? fstatSync(file.fd).size);
        if (at !== undefined) at += bytes.length;
      }),
    );
    this.#file = file.use();
  }

  [Symbol.dispose](): void {
    this.#file.release();
  }
}
