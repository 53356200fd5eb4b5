import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { StatusError } from 'orlop/plugin';

export const ID_BYTES = 4;

export interface Key {
  /** The first bytes of the key's SHA-256: stored with each value, so that the key file may hold several. */
  readonly id: Buffer;
  readonly secret: Buffer;
}

/**
 * The keys of a file, one a line, 32 bytes in base64 and perhaps the rotation they were made for; the first encrypts, all decrypt. The file is
 * made with one random key when there is none, and begins with a new one when none was made for `rotation`. Throws `StatusError` when
 * it cannot be read or holds anything else.
 */
export function loadKeys(file: string, rotation?: string): Key[] {
  let lines = linesOf(readIfThere(file) ?? make(file, rotation));
  if (rotation !== undefined && !isRotated(lines, rotation)) lines = rotate(file, rotation);
  const keys = lines.map((line) => Buffer.from(line.split(/\s+/)[0]!, 'base64'));
  if (keys.length === 0 || keys.some((key) => key.length !== 32)) {
    throw new StatusError(
      'Invalid',
      `${file} is no key file: it must hold one key a line, 32 bytes in base64; restore it from a backup`,
    );
  }
  return keys.map((secret) => ({
    secret,
    id: createHash('sha256').update(secret).digest().subarray(0, ID_BYTES),
  }));
}

function readIfThere(file: string): string | undefined {
  try {
    const text = readFileSync(file, 'utf8');
    if ((statSync(file).mode & 0o077) !== 0) chmodSync(file, 0o600);
    return text;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw new StatusError('Forbidden', `the key file cannot be read: ${message}`, {}, { cause: error });
  }
}

function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

function isRotated(lines: readonly string[], rotation: string): boolean {
  return lines.some((line) => line.split(/\s+/)[1] === rotation);
}

function newLine(rotation?: string): string {
  return `${[randomBytes(32).toString('base64'), ...(rotation === undefined ? [] : [rotation])].join(' ')}\n`;
}

/** A file beside `file` that holds `text`, durably. */
function draftOf(file: string, text: string): string {
  const draft = `${file}.${randomBytes(4).toString('hex')}`;
  const fd = openSync(draft, 'wx', 0o600);
  try {
    writeSync(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  return draft;
}

/** Several threads may start at once: the first to link its draft wins, and all read what it wrote. */
function make(file: string, rotation?: string): string {
  const draft = draftOf(file, newLine(rotation));
  try {
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  return readFileSync(file, 'utf8');
}

const TURN_MS = 10_000;

/** Puts a new key first: once, of several threads that find that it is time, because a key that one of them uses must not be lost. */
function rotate(file: string, rotation: string): string[] {
  const lock = `${file}.lock`;
  const deadline = Date.now() + TURN_MS;
  while (!take(lock)) {
    // Whoever holds it that long was killed.
    if (Date.now() > deadline) rmSync(lock, { force: true });
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
  }
  try {
    const text = readFileSync(file, 'utf8');
    if (!isRotated(linesOf(text), rotation)) renameSync(draftOf(file, newLine(rotation) + text), file);
    return linesOf(readFileSync(file, 'utf8'));
  } finally {
    rmSync(lock, { force: true });
  }
}

function take(lock: string): boolean {
  try {
    closeSync(openSync(lock, 'wx', 0o600));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
