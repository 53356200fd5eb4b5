import type { Duplex } from 'node:stream';
import { type ExecParams, StatusError } from 'orlop/plugin';
import type { PodManager } from '../manager.ts';
import { relay } from './session.ts';
import { runningContainer } from './target.ts';

/** Serves one `exec` stream: runs the command in the container to its end. */
export async function serveExec(pods: PodManager, params: ExecParams, stream: Duplex): Promise<void> {
  const { runtime, container } = runningContainer(pods, params);
  if (!runtime.exec) {
    throw new StatusError('BadRequest', `the runtime ${runtime.handler} cannot run commands in a container`);
  }
  const { command, tty, stdin } = params;
  await relay(await runtime.exec(container.id, { command, tty, stdin }), params, stream);
}
