import { Duplex, PassThrough } from 'node:stream';
import type { ExecSession } from 'orlop/plugin';
import type { GuestWorker } from './guest-worker.ts';
import { Terminal, toScreen } from './terminal.ts';

export interface SessionOptions {
  /** The client has a terminal: what it types is edited and echoed, and stderr goes where stdout goes. */
  tty: boolean;
  /** Whether what the client writes reaches the guest. */
  stdin: boolean;
  /** The client's input has ended, or it has left. */
  inputEnded?(): void;
  /** Called when the session is left before the guest has ended. */
  leave?(): void;
}

/** The streams of a guest, from now on to its end. Who does not read holds the guest up. */
export function session(worker: GuestWorker, options: SessionOptions): ExecSession {
  const terminal = options.tty ? new Terminal() : undefined;
  const stderr = options.tty ? undefined : new PassThrough();
  const waiting = new Set<() => void>();
  const goOn = (): void => {
    for (const each of waiting) each();
    waiting.clear();
  };
  const stdio = new Duplex({
    read: goOn,
    write(chunk: Buffer, _encoding, done) {
      if (options.stdin) void take(chunk).then(() => done());
      else done();
    },
    final(done) {
      options.inputEnded?.();
      done();
    },
    destroy(error, done) {
      detach();
      goOn();
      options.inputEnded?.();
      options.leave?.();
      done(error);
    },
  });
  const take = async (chunk: Buffer): Promise<void> => {
    if (terminal === undefined) return worker.input(chunk);
    const { echo, input, interrupted } = terminal.type(chunk);
    if (!stdio.destroyed) stdio.push(echo);
    if (interrupted) return worker.kill(130, 'interrupted');
    // Nobody is held up by a keyboard, or its Ctrl-C would wait for a program that reads nothing.
    for (const each of input) void worker.input(each);
  };
  const detach = worker.attach((stream, bytes) => {
    const target = stream === 'stderr' && stderr !== undefined ? stderr : stdio;
    if (target === stdio ? stdio.push(terminal ? toScreen(bytes) : bytes) : target.write(bytes))
      return undefined;
    return new Promise((resolve) => {
      waiting.add(resolve);
    });
  });
  stderr?.on('drain', goOn);
  const exitCode = worker.ended.then((exit) => {
    detach();
    if (!stdio.destroyed) stdio.push(null);
    stderr?.end();
    return exit.exitCode;
  });
  return { stdio, stderr, exitCode, resize: async () => {} };
}
