/** wasi:io for synchronous guests: a guest that waits blocks its own worker thread and nothing else. */

/** A refusal that the guest receives as the `err` case of a result; `payload` is that case's value in jco's shape. */
export class WasiError extends Error {
  override readonly name = 'WasiError';
  readonly payload: unknown;

  constructor(payload: unknown) {
    super(typeof payload === 'string' ? payload : JSON.stringify(payload));
    this.payload = payload;
  }
}

/** The resource `error` of wasi:io/error. */
export class IoError {
  readonly message: string;
  /** What wasi:filesystem answers for it to `filesystem-error-code`. */
  readonly code: string | undefined;

  constructor(message: string, code?: string) {
    this.message = message;
    this.code = code;
  }

  toDebugString(): string {
    return this.message;
  }
}

/** Every stream ends with it; one instance, as the guest only sees the payload. */
export const CLOSED = new WasiError({ tag: 'closed' });

export function operationFailed(message: string, code?: string): WasiError {
  return new WasiError({ tag: 'last-operation-failed', val: new IoError(message, code) });
}

const never = new Int32Array(new SharedArrayBuffer(4));
const SHORTEST_WAIT_MS = 0.05;

/** The resource `pollable`. `waitMs` is how long it takes at most until `isReady` is worth another look. */
export class Pollable {
  readonly isReady: () => boolean;
  readonly waitMs: () => number;

  constructor(isReady: () => boolean, waitMs: () => number) {
    this.isReady = isReady;
    this.waitMs = waitMs;
  }

  ready(): boolean {
    return this.isReady();
  }

  block(): void {
    poll([this]);
  }
}

/** Blocks until one of them is ready; the answer holds the indexes of those that are. */
export function poll(pollables: Pollable[]): Uint32Array {
  for (;;) {
    const ready: number[] = [];
    let wait = Number.POSITIVE_INFINITY;
    for (const [index, pollable] of pollables.entries()) {
      if (pollable.isReady()) ready.push(index);
      else wait = Math.min(wait, pollable.waitMs());
    }
    if (ready.length > 0) return Uint32Array.from(ready);
    if (wait === Number.POSITIVE_INFINITY)
      throw new Error('deadlock: the guest waits for what cannot happen');
    Atomics.wait(never, 0, 0, Math.max(wait, SHORTEST_WAIT_MS));
  }
}

export const alwaysReady = new Pollable(
  () => true,
  () => 0,
);

/** Up to `length` bytes, at least one unless `length` is 0; throws `CLOSED` at the end. */
export type Source = (length: number) => Uint8Array;

/** The resource `input-stream`. */
export class InputStream {
  readonly source: Source;

  constructor(source: Source) {
    this.source = source;
  }

  static of(bytes: Uint8Array): InputStream {
    let offset = 0;
    return new InputStream((length) => {
      if (offset >= bytes.length) throw CLOSED;
      const part = bytes.subarray(offset, offset + length);
      offset += part.length;
      return part;
    });
  }

  read(length: bigint): Uint8Array {
    return this.source(Number(length));
  }

  blockingRead(length: bigint): Uint8Array {
    return this.source(Number(length));
  }

  skip(length: bigint): bigint {
    return BigInt(this.source(Number(length)).length);
  }

  blockingSkip(length: bigint): bigint {
    return this.skip(length);
  }

  subscribe(): Pollable {
    return alwaysReady;
  }
}

const PERMIT = 65_536n;

/** The resource `output-stream`. `sink` must not keep the bytes: they may live in the guest's memory. */
export class OutputStream {
  readonly sink: (bytes: Uint8Array) => void;

  constructor(sink: (bytes: Uint8Array) => void) {
    this.sink = sink;
  }

  checkWrite(): bigint {
    return PERMIT;
  }

  write(bytes: Uint8Array): void {
    this.sink(bytes);
  }

  blockingWriteAndFlush(bytes: Uint8Array): void {
    this.sink(bytes);
  }

  flush(): void {}

  blockingFlush(): void {}

  writeZeroes(length: bigint): void {
    this.sink(new Uint8Array(Number(length)));
  }

  blockingWriteZeroesAndFlush(length: bigint): void {
    this.writeZeroes(length);
  }

  splice(source: InputStream, length: bigint): bigint {
    const bytes = source.read(length);
    this.sink(bytes);
    return BigInt(bytes.length);
  }

  blockingSplice(source: InputStream, length: bigint): bigint {
    return this.splice(source, length);
  }

  subscribe(): Pollable {
    return alwaysReady;
  }
}
