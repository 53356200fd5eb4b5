import { operationFailed, WasiError } from './io.ts';

/** `error-code` of wasi:filesystem for the errno of a Node.js file system error. */
const CODES: Record<string, string> = {
  EACCES: 'access',
  EAGAIN: 'would-block',
  EBADF: 'bad-descriptor',
  EBUSY: 'busy',
  EDQUOT: 'quota',
  EEXIST: 'exist',
  EFBIG: 'file-too-large',
  EILSEQ: 'illegal-byte-sequence',
  EINTR: 'interrupted',
  EINVAL: 'invalid',
  EIO: 'io',
  EISDIR: 'is-directory',
  ELOOP: 'loop',
  EMLINK: 'too-many-links',
  ENAMETOOLONG: 'name-too-long',
  ENODEV: 'no-device',
  ENOENT: 'no-entry',
  ENOMEM: 'insufficient-memory',
  ENOSPC: 'insufficient-space',
  ENOTDIR: 'not-directory',
  ENOTEMPTY: 'not-empty',
  ENOTSUP: 'unsupported',
  ENXIO: 'no-such-device',
  EOVERFLOW: 'overflow',
  EPERM: 'not-permitted',
  EPIPE: 'pipe',
  EROFS: 'read-only',
  ESPIPE: 'invalid-seek',
  ETXTBSY: 'text-file-busy',
  EXDEV: 'cross-device',
};

export function refusal(code: string): WasiError {
  return new WasiError(code);
}

/** Does it; a file system error becomes the guest's `error-code`. */
export function attempt<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw refusal(codeOf(error));
  }
}

/** As `attempt`, for streams, whose errors are resources. */
export function attemptStream<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw operationFailed((error as Error).message, codeOf(error));
  }
}

/** Throws what is no file system error. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) throw error;
  if (error instanceof WasiError) throw error;
  const { code } = error as NodeJS.ErrnoException;
  // Node.js refuses paths with NUL bytes and the like before the system sees them.
  if (code === 'ERR_INVALID_ARG_VALUE') return 'invalid';
  const known = CODES[code ?? ''];
  if (known === undefined) throw error;
  return known;
}
