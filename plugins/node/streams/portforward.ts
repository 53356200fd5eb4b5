import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type PortForwardParams, StatusError } from 'orlop/plugin';
import type { PodManager } from '../manager.ts';
import { podOf } from './target.ts';

const DIAL_MS = 10_000;

/** Serves one `portforward` stream: a connection to a port of the pod. Throws ServiceUnavailable when the pod does not take it. */
export async function servePortForward(
  pods: PodManager,
  params: PortForwardParams,
  stream: Duplex,
): Promise<void> {
  const { sandbox } = podOf(pods, params).state;
  if (!sandbox?.ready)
    throw new StatusError('BadRequest', `pod "${params.pod}" is not running: see its status`);
  const socket = await dial(sandbox.ip, params.port);
  if (stream.destroyed) socket.destroy();
  else await pipeline(stream, socket, stream);
}

function dial(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, allowHalfOpen: true, noDelay: true });
    const refuse = (why: string): void => {
      socket.destroy();
      reject(
        new StatusError('ServiceUnavailable', `failed to connect to ${host}:${port} in the pod: ${why}`),
      );
    };
    socket.setTimeout(DIAL_MS, () => refuse('timed out'));
    socket.once('error', (error) => refuse(error.message));
    socket.once('connect', () => {
      socket.setTimeout(0);
      socket.removeAllListeners('timeout').removeAllListeners('error');
      resolve(socket);
    });
  });
}
