/**
 * A worker of the process that runs a plugin and its suite: says where the main thread is when that has not been back in its event loop for a
 * while, and ends the process when the command that started it is gone. `workerData`: see `Watched`.
 */
import { writeSync } from 'node:fs';
import { type Debugger, Session } from 'node:inspector';
import { workerData } from 'node:worker_threads';

export interface Watched {
  /** The main thread counts up its one number with each turn of a timer. */
  beat: Int32Array;
  /** Milliseconds in which it does not. */
  patience: number;
  /** The file descriptor to which a line of JSON is written, `{"stuck":"PLACE"}`; with an empty place once it is back. */
  pipe: number;
}

const CHECK_MS = 250;
/** In which a thread that runs JavaScript stops for the inspector; one that waits in a call does not. */
const PAUSE_MS = 1_000;
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
    whereIsIt(tell);
  }
}, CHECK_MS);

function tell(stuck: string): void {
  writeSync(pipe, `${JSON.stringify({ stuck })}\n`);
}

/** Pauses the main thread for a moment. */
function whereIsIt(then: (place: string) => void): void {
  const session = new Session();
  const done = (place: string): void => {
    clearTimeout(late);
    session.disconnect();
    then(place);
  };
  const late = setTimeout(() => done(WAITING), PAUSE_MS);
  const urls = new Map<string, string>();
  session.connectToMainThread();
  session.on('Debugger.scriptParsed', ({ params: { scriptId, url } }) => void urls.set(scriptId, url));
  session.once('Debugger.paused', ({ params }) => {
    session.post('Debugger.resume');
    done(placeOf(params.callFrames, urls));
  });
  session.post('Debugger.enable');
  session.post('Debugger.pause');
}

/** The innermost that are not Node's own; without what marks a module's URL. */
function placeOf(frames: readonly Debugger.CallFrame[], urls: ReadonlyMap<string, string>): string {
  const places = frames.flatMap(({ functionName, location: { scriptId, lineNumber } }) => {
    const url = urls.get(scriptId) ?? '';
    if (!url.startsWith('file:')) return [];
    const at = `${url.replace(/[?#].*/, '')}:${lineNumber + 1}`;
    return [functionName === '' ? at : `${functionName} (${at})`];
  });
  return places.length === 0 ? WAITING : `in ${places.slice(0, FRAMES).join(', called by ')}`;
}

function end(): void {
  process.kill(process.pid, 'SIGTERM');
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), END_MS);
}
