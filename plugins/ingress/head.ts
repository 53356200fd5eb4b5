/**
 * A strict parser of HTTP/1.1 heads (RFC 9112), straight on the bytes. What two parsers could read differently is refused, for that is how requests
 * are smuggled: bare LF, folded lines, spaces before a colon, both Content-Length and Transfer-Encoding, either of them twice.
 */

/** What to do with the bytes seen so far. */
export type Verdict = 'incomplete' | 'bad' | 'complete';

const CR = 13;
const LF = 10;
const SPACE = 32;
const TAB = 9;
const COLON = 58;
const DIGIT_0 = 48;
const MAX_LENGTH_DIGITS = 15;

const IN_TOKEN = new Uint8Array(256);
const TOKEN_CHARACTERS = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
for (const character of TOKEN_CHARACTERS) IN_TOKEN[character.charCodeAt(0)] = 1;

/** Tab, visible characters, and bytes above 127 (obs-text). */
const IN_VALUE = new Uint8Array(256).fill(1, SPACE);
IN_VALUE[TAB] = 1;
IN_VALUE[127] = 0;

/** A parsed head. Positions are indexes into the buffer that was parsed. Reused from message to message. */
export class Head {
  /** Of the first line. */
  start = 0;
  /** After the empty line. */
  end = 0;
  method = '';
  targetStart = 0;
  targetEnd = 0;
  hostStart = 0;
  hostEnd = 0;
  /** Of a response. */
  status = 0;
  /** HTTP/1.`minor` */
  minor = 1;
  /** -1: none given. */
  contentLength = -1;
  chunked = false;
  /** `Connection: close`. */
  close = false;
  /** `Connection: keep-alive`. */
  keepAlive = false;
  /** `Connection: upgrade` and an `Upgrade` other than h2c, which would pass routing by. */
  upgrade = false;
  /** Start and end of each line that is for this hop only, in order: `[start, end, start, end, ...]`. */
  hop: number[] = [];
  /** Names in `Connection` beyond the usual, lower case: lines of these names are for this hop only, too. */
  listed: string[] = [];

  reset(): void {
    this.start =
      this.end =
      this.targetStart =
      this.targetEnd =
      this.hostStart =
      this.hostEnd =
      this.status =
        0;
    this.method = '';
    this.minor = 1;
    this.contentLength = -1;
    this.chunked = this.close = this.keepAlive = this.upgrade = false;
    if (this.hop.length > 0) this.hop = [];
    if (this.listed.length > 0) this.listed = [];
  }
}

export function parseRequest(bytes: Buffer, start: number, head: Head): Verdict {
  head.reset();
  const end = bytes.length;
  let at = start;
  // A robust server ignores an empty line before the request line (RFC 9112, 2.2).
  if (bytes[at] === CR && bytes[at + 1] === LF) at += 2;
  const methodStart = at;
  head.start = at;
  while (at < end && IN_TOKEN[bytes[at]!] === 1) at += 1;
  if (at === end) return 'incomplete';
  if (bytes[at] !== SPACE || at === methodStart) return 'bad';
  head.method = bytes.toString('latin1', methodStart, at);
  head.targetStart = at += 1;
  while (at < end && bytes[at]! > SPACE && bytes[at] !== 127) at += 1;
  if (at === end) return 'incomplete';
  if (bytes[at] !== SPACE || at === head.targetStart) return 'bad';
  head.targetEnd = at;
  at += 1;
  if (at + 10 > end) return 'incomplete';
  if (!isVersion(bytes, at)) return 'bad';
  head.minor = bytes[at + 7]! - DIGIT_0;
  const verdict = parseFields(bytes, at + 8, head, true);
  if (verdict !== 'complete') return verdict;
  if (head.minor === 1 && head.hostEnd === 0) return 'bad';
  return head.chunked && head.minor === 0 ? 'bad' : 'complete';
}

export function parseResponse(bytes: Buffer, start: number, head: Head): Verdict {
  head.reset();
  const end = bytes.length;
  head.start = start;
  if (start + 13 > end) return 'incomplete';
  if (!isVersion(bytes, start) || bytes[start + 8] !== SPACE) return 'bad';
  head.minor = bytes[start + 7]! - DIGIT_0;
  for (let at = start + 9; at < start + 12; at += 1) {
    const digit = bytes[at]! - DIGIT_0;
    if (digit < 0 || digit > 9) return 'bad';
    head.status = head.status * 10 + digit;
  }
  if (head.status < 100) return 'bad';
  let at = start + 12;
  while (at < end && IN_VALUE[bytes[at]!] === 1) at += 1;
  return parseFields(bytes, at, head, false);
}

/** `HTTP/1.0` or `HTTP/1.1` */
function isVersion(bytes: Buffer, at: number): boolean {
  const minor = bytes[at + 7];
  return bytes.toString('latin1', at, at + 7) === 'HTTP/1.' && (minor === DIGIT_0 || minor === DIGIT_0 + 1);
}

/** From the line end of the first line to the empty line. */
function parseFields(bytes: Buffer, start: number, head: Head, request: boolean): Verdict {
  const end = bytes.length;
  let at = start;
  let wantsUpgrade = false;
  let upgradable = false;
  let upgradeLine = -1;
  for (;;) {
    if (at + 2 > end) return 'incomplete';
    if (bytes[at] !== CR || bytes[at + 1] !== LF) return 'bad';
    at += 2;
    if (at === end) return 'incomplete';
    if (bytes[at] === CR) {
      if (at + 1 === end) return 'incomplete';
      if (bytes[at + 1] !== LF) return 'bad';
      break;
    }
    const line = at;
    while (at < end && IN_TOKEN[bytes[at]!] === 1) at += 1;
    if (at === end) return 'incomplete';
    if (bytes[at] !== COLON || at === line) return 'bad';
    const nameEnd = at;
    at += 1;
    while (at < end && (bytes[at] === SPACE || bytes[at] === TAB)) at += 1;
    const value = at;
    while (at < end && IN_VALUE[bytes[at]!] === 1) at += 1;
    if (at + 2 > end) return 'incomplete';
    const after = at + 2;
    // By length first: most names are none of these.
    switch (nameEnd - line) {
      case 4:
        if (request && is(bytes, line, 'host')) {
          if (head.hostEnd !== 0) return 'bad';
          head.hostStart = value;
          head.hostEnd = at;
        }
        break;
      case 7:
        if (is(bytes, line, 'upgrade')) {
          upgradable = bytes.toString('latin1', value, at).trim().toLowerCase() !== 'h2c';
          upgradeLine = head.hop.push(line, after) - 2;
        }
        break;
      case 9:
        if (request && is(bytes, line, 'x-real-ip')) head.hop.push(line, after);
        break;
      case 10:
        if (is(bytes, line, 'connection')) {
          wantsUpgrade = connectionOptions(bytes.toString('latin1', value, at), head) || wantsUpgrade;
          head.hop.push(line, after);
        } else if (is(bytes, line, 'keep-alive')) {
          head.hop.push(line, after);
        }
        break;
      case 14:
        if (is(bytes, line, 'content-length')) {
          if (head.contentLength !== -1) return 'bad';
          head.contentLength = lengthOf(bytes, value, at);
          if (head.contentLength < 0) return 'bad';
        }
        break;
      case 15:
      case 16:
      case 17:
        if (is(bytes, line, 'transfer-encoding')) {
          if (head.chunked || bytes.toString('latin1', value, at).trim().toLowerCase() !== 'chunked')
            return 'bad';
          head.chunked = true;
        } else if (is(bytes, line, 'proxy-connection')) {
          head.hop.push(line, after);
        } else if (request && isForwarded(bytes, line, nameEnd)) {
          head.hop.push(line, after);
        }
        break;
      default:
    }
  }
  if (head.chunked && head.contentLength !== -1) return 'bad';
  head.upgrade = wantsUpgrade && upgradable;
  if (head.upgrade) head.hop.splice(upgradeLine, 2);
  head.end = at + 2;
  return 'complete';
}

/** Whether the bytes spell `name` (lower case) in any case. Correct for tokens of letters and hyphens of the same length. */
function is(bytes: Buffer, at: number, name: string): boolean {
  for (let index = 0; index < name.length; index += 1) {
    if ((bytes[at + index]! | 32) !== name.charCodeAt(index)) return false;
  }
  return bytes[at + name.length] === COLON;
}

/** What this proxy sets itself; a client's own are not to be believed. */
function isForwarded(bytes: Buffer, line: number, end: number): boolean {
  return (
    is(bytes, line, 'x-forwarded-for') ||
    is(bytes, line, 'x-forwarded-host') ||
    is(bytes, line, 'x-forwarded-port') ||
    (end - line === 17 && is(bytes, line, 'x-forwarded-proto'))
  );
}

/** Returns whether `upgrade` is among them. */
function connectionOptions(value: string, head: Head): boolean {
  let upgrade = false;
  for (const text of value.split(',')) {
    const option = text.trim().toLowerCase();
    if (option === 'close') head.close = true;
    else if (option === 'keep-alive') head.keepAlive = true;
    else if (option === 'upgrade') upgrade = true;
    else if (option !== '') head.listed.push(option);
  }
  return upgrade;
}

/** -1: not a length. */
function lengthOf(bytes: Buffer, start: number, end: number): number {
  const text = bytes.toString('latin1', start, end).trimEnd();
  return /^\d+$/.test(text) && text.length <= MAX_LENGTH_DIGITS ? Number(text) : -1;
}
