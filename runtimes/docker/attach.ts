import type { Duplex } from 'node:stream';
import { type ExecSession, StatusError } from 'orlop/plugin';
import type { Engine } from './engine.ts';
import { session } from './session.ts';

/** The streams of a container's own process from now on. With `stdinOnce` the engine ends the container's input when the session ends. */
export async function attach(engine: Engine, id: string, options: { stdin: boolean }): Promise<ExecSession> {
  const container = engine.getContainer(id);
  const { Config, State } = await container.inspect();
  if (!State.Running) throw notRunning(id);
  const socket = (await container.attach({
    stream: true,
    hijack: true,
    stdin: options.stdin && Config.OpenStdin,
    stdout: true,
    stderr: true,
  })) as Duplex;
  // The engine attaches to one that has ended meanwhile, too, and waits for its next start.
  if (socket.readableLength === 0 && !(await container.inspect()).State.Running) {
    socket.destroy();
    throw notRunning(id);
  }
  return session(socket, {
    tty: Config.Tty,
    inputEnds: Config.StdinOnce && !Config.Tty,
    ended: async () => 0,
    leave: async () => undefined,
    resize: (width, height) => container.resize({ w: width, h: height }),
  });
}

function notRunning(id: string): StatusError {
  return new StatusError('Conflict', `container ${id} is not running: nothing to attach to`);
}
