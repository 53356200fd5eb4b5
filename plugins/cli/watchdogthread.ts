/** The worker of a `watchEventLoop`. `workerData`: see `Watched`. */
import { writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { type Frame, whereIsMain } from './mainthread.ts';
import type { Watched } from './watchdog.ts';

const { beat, seconds, canBeFreed } = workerData as Watched;
/** Once something has been terminated the process is about to stop, and whatever blocks that as well has no long time. */
const NEXT_SECONDS = 2;
const STDERR = 2;

let patience = seconds;
let seen = -1;
/** Seconds, by turns of this thread's own event loop: a process that is stopped or has no machine does not age. */
let silent = 0;
let isTold = false;

setInterval(() => {
  const now = Atomics.load(beat, 0);
  if (now !== seen || Atomics.load(beat, 1) !== 0) {
    seen = now;
    silent = 0;
    isTold = false;
    return;
  }
  silent += 1;
  if (silent < patience || isTold) return;
  isTold = true;
  whereIsMain(canBeFreed ? freed : told, { terminate: canBeFreed });
}, 1_000);

function freed(frames: readonly Frame[] | undefined): void {
  if (frames === undefined) {
    told(frames);
    return;
  }
  silent = 0;
  patience = Math.min(patience, NEXT_SECONDS);
  isTold = false;
  parentPort!.postMessage(
    frames.map(({ name, place }) => `    at ${name || '<anonymous>'} (${place}:1)`).join('\n'),
  );
}

function told(frames: readonly Frame[] | undefined): void {
  const place = frames === undefined ? 'a call that waits' : (frames[0]?.place ?? 'Node itself');
  writeSync(STDERR, `orlop: the event loop has been blocked for ${silent} s, in ${place}\n`);
}
