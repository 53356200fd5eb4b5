/** The main thread of a process, as a worker of it sees it that is not blocked with it. */
import { type Debugger, Session } from 'node:inspector';

export interface Frame {
  /** Empty for one without a name. */
  name: string;
  /** Of a file, without what marks the module; the line from 1. */
  place: string;
}

/** Milliseconds in which a thread that runs JavaScript stops for the inspector; one that waits in a call does not. */
const PAUSE_MS = 1_000;

/**
 * Pauses the main thread for a moment and tells where it is, innermost first, without Node's own; `undefined` when it cannot be paused, as it
 * waits in a call. `terminate`: what it was called for is ended there, as if by an error that nothing catches, and its event loop goes on.
 */
export function whereIsMain(
  then: (frames: Frame[] | undefined) => void,
  { terminate = false }: { terminate?: boolean } = {},
): void {
  const session = new Session();
  const done = (frames?: Frame[]): void => {
    clearTimeout(late);
    session.disconnect();
    then(frames);
  };
  const late = setTimeout(done, PAUSE_MS);
  const urls = new Map<string, string>();
  session.connectToMainThread();
  session.on('Debugger.scriptParsed', ({ params: { scriptId, url } }) => void urls.set(scriptId, url));
  session.once('Debugger.paused', ({ params: { callFrames } }) => {
    const resume = (): void => session.post('Debugger.resume', () => done(framesOf(callFrames, urls)));
    if (terminate) session.post('Runtime.terminateExecution');
    resume();
  });
  session.post('Debugger.enable');
  session.post('Debugger.pause');
}

function framesOf(frames: readonly Debugger.CallFrame[], urls: ReadonlyMap<string, string>): Frame[] {
  return frames.flatMap(({ functionName, location: { scriptId, lineNumber } }) => {
    const url = urls.get(scriptId) ?? '';
    return url.startsWith('file:')
      ? [{ name: functionName, place: `${url.replace(/[?#].*/, '')}:${lineNumber + 1}` }]
      : [];
  });
}
