import { once } from 'node:events';
import { Duplex, PassThrough } from 'node:stream';
import type { ExecSession } from 'orlop/plugin';
import { frames } from './frames.ts';

/** What is special about the process behind a hijacked connection. */
export interface Process {
  /** With a terminal the engine's stream is not multiplexed, and there is no stderr. */
  tty: boolean;
  /** Whether the end of the client's input is the end of its own. The engine ends the whole session of a container where it is not. */
  inputEnds: boolean;
  /** Called once, when its output has ended: its exit code. */
  ended(): Promise<number>;
  /** Called when the session is left before that. */
  leave(): Promise<void>;
  resize(width: number, height: number): Promise<unknown>;
}

/** The streams of a process over the engine's hijacked connection. Who does not read holds the process up. */
export function session(socket: Duplex, process: Process): ExecSession {
  const stderr = process.tty ? undefined : new PassThrough();
  let readAgain = (): void => {};
  let ended = false;
  const stdio = new Duplex({
    read: () => readAgain(),
    write(chunk: Buffer, _encoding, done) {
      // What is typed after the command's end goes nowhere.
      if (socket.writable) socket.write(chunk, () => done());
      else done();
    },
    final(done) {
      if (process.inputEnds) socket.end(done);
      else done();
    },
    destroy(error, done) {
      socket.destroy();
      readAgain();
      const left = ended ? Promise.resolve() : process.leave();
      left.then(
        () => done(error),
        (failure: Error) => done(error ?? failure),
      );
    },
  });

  async function run(): Promise<number> {
    for await (const frame of frames(socket, process.tty)) {
      if (frame.stream === 'stderr' && stderr) {
        if (!stderr.write(frame.data)) await Promise.race([once(stderr, 'drain'), once(socket, 'close')]);
      } else if (!stdio.destroyed && !stdio.push(frame.data)) {
        await new Promise<void>((resolve) => {
          readAgain = resolve;
        });
      }
    }
    const code = await process.ended();
    ended = true;
    return code;
  }

  const code = run().finally(() => {
    if (!stdio.destroyed) stdio.push(null);
    stderr?.end();
  });
  // Whoever awaits the exit code sees the failure; nobody has to.
  code.catch(() => undefined);
  return {
    stdio,
    stderr,
    exitCode: code,
    resize: async (width, height) => {
      await process.resize(width, height);
    },
  };
}
