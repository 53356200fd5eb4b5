import type { Head } from './head.ts';

const CR = 13;
const LF = 10;
const SEMICOLON = 59;
const SPACE = 32;
const TAB = 9;
const MAX_SIZE_DIGITS = 8;

/** Where a scan of chunked coding stands. */
type Chunk =
  | 'size'
  | 'extension'
  | 'sizeLF'
  | 'data'
  | 'dataCR'
  | 'dataLF'
  | 'trailer'
  | 'trailerLine'
  | 'endLF';

/** Finds where a message's body ends (RFC 9112, 6 and 7), across any number of pieces. The bytes pass as they are. */
export class Body {
  done = true;
  /** Ends with the connection. */
  untilClose = false;
  #chunked = false;
  /** Of the body, or of the present chunk. */
  #left = 0;
  #state: Chunk = 'size';
  #digits = 0;

  /** Of a request: no length given means no body. */
  startRequest(head: Head): void {
    this.#start(head, false);
  }

  /** `bodiless`: the answer to HEAD. */
  startResponse(head: Head, bodiless: boolean): void {
    const none = bodiless || head.status === 204 || head.status === 304;
    this.#start(head, !none && !head.chunked && head.contentLength === -1);
    if (none) this.done = true;
  }

  #start(head: Head, untilClose: boolean): void {
    this.untilClose = untilClose;
    this.#chunked = head.chunked;
    this.#left = Math.max(0, head.contentLength);
    this.#state = 'size';
    this.#digits = 0;
    this.done = !untilClose && !this.#chunked && this.#left === 0;
    if (this.#chunked) this.#left = 0;
  }

  /** Takes bytes from `start`; returns the index after the last that belongs to the body, or -1: malformed. Sets `done`. */
  scan(bytes: Buffer, start: number): number {
    if (this.done) return start;
    if (this.untilClose) return bytes.length;
    if (this.#chunked) return this.#scanChunks(bytes, start);
    const end = Math.min(bytes.length, start + this.#left);
    this.#left -= end - start;
    this.done = this.#left === 0;
    return end;
  }

  #scanChunks(bytes: Buffer, start: number): number {
    let at = start;
    while (at < bytes.length) {
      if (this.#state === 'data') {
        const step = Math.min(this.#left, bytes.length - at);
        at += step;
        this.#left -= step;
        if (this.#left === 0) this.#state = 'dataCR';
        continue;
      }
      if (!this.#step(bytes[at]!)) return -1;
      at += 1;
      if (this.done) return at;
    }
    return at;
  }

  /** One byte of framing; false: malformed. */
  #step(byte: number): boolean {
    switch (this.#state) {
      case 'size': {
        const digit = hexDigit(byte);
        if (digit >= 0) {
          this.#left = this.#left * 16 + digit;
          this.#digits += 1;
          return this.#digits <= MAX_SIZE_DIGITS;
        }
        if (this.#digits === 0) return false;
        if (byte === CR) this.#state = 'sizeLF';
        else if (byte === SEMICOLON || byte === SPACE || byte === TAB) this.#state = 'extension';
        else return false;
        return true;
      }
      case 'extension':
        if (byte === CR) this.#state = 'sizeLF';
        return byte !== LF;
      case 'sizeLF':
        this.#state = this.#left === 0 ? 'trailer' : 'data';
        return byte === LF;
      case 'dataCR':
        this.#state = 'dataLF';
        return byte === CR;
      case 'dataLF':
        this.#state = 'size';
        this.#digits = 0;
        return byte === LF;
      case 'trailer':
        this.#state = byte === CR ? 'endLF' : 'trailerLine';
        return byte !== LF;
      case 'trailerLine':
        if (byte === LF) this.#state = 'trailer';
        return true;
      case 'endLF':
        this.done = true;
        return byte === LF;
      default:
        return false;
    }
  }
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}
