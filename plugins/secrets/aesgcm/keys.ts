import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
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
 * The keys of a file, one a line, 32 bytes in base64; the first encrypts, all decrypt. To rotate, put a new first line. The file is made with
 * one random key when there is none. Throws `StatusError` when it cannot be read or holds anything else.
 */
export function loadKeys(file: string): Key[] {
  const lines = (readIfThere(file) ?? make(file)).split('\n').map((line) => line.trim());
  const keys = lines.filter((line) => line !== '').map((line) => Buffer.from(line, 'base64'));
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

/** Several threads may start at once: the first to link its draft wins, and all read what it wrote. */
function make(file: string): string {
  const draft = `${file}.${randomBytes(4).toString('hex')}`;
  const fd = openSync(draft, 'wx', 0o600);
  try {
    writeSync(fd, `${randomBytes(32).toString('base64')}\n`);
    fsyncSync(fd);
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    closeSync(fd);
    rmSync(draft, { force: true });
  }
  return readFileSync(file, 'utf8');
}
