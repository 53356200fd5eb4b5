/**
 * A worker of the process that runs a plugin and its suite: says where the main thread is when that has not been back in its event loop for a
 * while, and ends the process when the command that started it is gone. `workerData`: see `Watched`.
 */
import { writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { type Frame, whereIsMain } from '../mainthread.ts';

export interface Watched {
  /** The main thread counts up its one number with each turn of a timer. */
  beat: Int32Array;
  /** Milliseconds in which it does not. */
  patience: number;
  /** The file descriptor to which a line of JSON is written, `{"stuck":"PLACE"}`; with an empty place once it is back. */
  pipe: number;
}

const CHECK_MS = 250;
/** In which an event loop that runs ends the process. */
const END_MS = 1_000;
const FRAMES = 3;
const WAITING = 'in a call that waits';

const { beat, patience, pipe } = workerData as Watched;
const parent = process.ppid;
let seen = Atomics.load(beat, 0);
let since = performance.now();
let isTold = false;

setInterval(() => {
  if (process.ppid !== parent) end();
  const now = Atomics.load(beat, 0);
  if (now !== seen) {
    seen = now;
    since = performance.now();
    if (isTold) tell('');
    isTold = false;
  } else if (!isTold && performance.now() - since > patience) {
    isTold = true;
    whereIsMain((frames) => tell(textOf(frames)));
  }
}, CHECK_MS);

function tell(stuck: string): void {
  writeSync(pipe, `${JSON.stringify({ stuck })}\n`);
}

function textOf(frames: readonly Frame[] = []): string {
  const places = frames.map(({ name, place }) => (name === '' ? place : `${name} (${place})`));
  return places.length === 0 ? WAITING : `in ${places.slice(0, FRAMES).join(', called by ')}`;
}

function end(): void {
  process.kill(process.pid, 'SIGTERM');
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), END_MS);
}
