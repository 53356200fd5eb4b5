import { url } from 'node:inspector';
import { Worker } from 'node:worker_threads';

/**
 * What Node is to be started with: what blocks the event loop can be terminated, but some of Node's books are not closed then, and by default it
 * ends the process for that.
 */
export const CAN_BE_FREED = '--no-force-async-hooks-checks';

const BEAT_MS = 500;

export interface Watched {
  /** The main thread counts the first up with each turn of a timer; the second is not 0 while somebody debugs it. */
  beat: Int32Array;
  /** In which it does not. */
  seconds: number;
  canBeFreed: boolean;
}

/**
 * Frees the event loop of this thread, the main one, when something has blocked it for `seconds` (0: never), and tells what as an error whose stack
 * is where that was. Returns how to stop that.
 */
export function watchEventLoop(seconds: number, blocked: (error: Error) => void): () => void {
  if (seconds === 0) return () => undefined;
  const beat = new Int32Array(new SharedArrayBuffer(8));
  const timer = setInterval(() => {
    Atomics.add(beat, 0, 1);
    Atomics.store(beat, 1, url() === undefined ? 0 : 1);
  }, BEAT_MS).unref();
  const canBeFreed = [...process.execArgv, process.env['NODE_OPTIONS'] ?? ''].some((each) =>
    each.includes(CAN_BE_FREED),
  );
  const watched: Watched = { beat, seconds, canBeFreed };
  const worker = new Worker(new URL('./watchdogthread.js', import.meta.url), {
    workerData: watched,
    resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 },
  });
  worker.on('message', (stack: string) => {
    const error = new Error(`blocked the event loop for ${seconds} s`);
    error.stack = `Error: ${error.message}\n${stack}`;
    blocked(error);
  });
  worker.on('error', blocked);
  // Only now: to listen takes hold of the process.
  worker.unref();
  return () => {
    clearInterval(timer);
    void worker.terminate();
  };
}
