import { StatusError } from './errors.ts';

/**
 * What `run` returns, if it does so within `ms` milliseconds and before `signal` aborts; else throws `Timeout`, or the signal's reason. The
 * work itself goes on: its owner deals with what comes of it.
 */
export async function within<T>(
  ms: number,
  what: string,
  run: () => T | Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let abort: (() => void) | undefined;
  try {
    return await Promise.race([
      // Not called in this very turn, so that a synchronous throw is a rejection too.
      Promise.resolve().then(run),
      new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new StatusError('Timeout', `${what} took longer than ${ms} ms`)), ms);
        abort = () => reject(signal!.reason as Error);
        signal?.addEventListener('abort', abort, { once: true });
      }),
    ]);
  } finally {
    clearTimeout(timer);
    if (abort) signal?.removeEventListener('abort', abort);
  }
}
