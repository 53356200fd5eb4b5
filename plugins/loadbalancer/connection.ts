import { connect, type Socket } from 'node:net';
import type { Endpoint, Logger, Pick } from 'orlop/plugin';

const CONNECT_TIMEOUT_MS = 3_000;
const KEEPALIVE_MS = 60_000;
const MAX_ATTEMPTS = 5;

/** Chooses an endpoint for a connection; `not`: those just tried in vain. */
export type Choose = (not: readonly Endpoint[]) => Pick | undefined;

/**
 * Pipes a client's connection to an endpoint and back, until both sides have ended. Another endpoint is tried while none has accepted.
 * Keep-alive finds peers that vanished.
 */
export async function serveConnection(client: Socket, choose: Choose, log: Logger): Promise<void> {
  client.allowHalfOpen = true;
  client.pause();
  client.on('error', () => client.destroy());
  const tried: Endpoint[] = [];
  while (!client.destroyed && tried.length < MAX_ATTEMPTS) {
    const pick = choose(tried);
    if (!pick) break;
    try {
      const upstream = await open(pick.endpoint);
      await join(client, upstream);
      return;
    } catch (error) {
      tried.push(pick.endpoint);
      log.debug('an endpoint did not accept a connection', { ...at(pick.endpoint), error: String(error) });
    } finally {
      pick.release();
    }
  }
  client.resetAndDestroy();
}

function at({ host, port }: Endpoint): { endpoint: string } {
  return { endpoint: `${host}:${port}` };
}

function open({ host, port }: Endpoint): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, allowHalfOpen: true, noDelay: true });
    const timer = setTimeout(() => socket.destroy(new Error('connect timed out')), CONNECT_TIMEOUT_MS);
    socket.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    socket.once('connect', () => {
      clearTimeout(timer);
      resolve(socket);
    });
  });
}

/** Ends when both are closed. An error of one side ends the other at once. */
function join(client: Socket, upstream: Socket): Promise<void> {
  return new Promise((resolve) => {
    let open = 2;
    const closed = (other: Socket, hadError: boolean): void => {
      open -= 1;
      if (open === 0) resolve();
      else if (hadError) other.destroy();
      // Its peer is gone: what is left to send, then the end.
      else other.destroySoon();
    };
    upstream.on('error', () => upstream.destroy());
    client.once('close', (hadError) => closed(upstream, hadError));
    upstream.once('close', (hadError) => closed(client, hadError));
    client.setNoDelay(true);
    client.setKeepAlive(true, KEEPALIVE_MS);
    upstream.setKeepAlive(true, KEEPALIVE_MS);
    client.pipe(upstream);
    upstream.pipe(client);
    if (client.destroyed) upstream.destroy();
  });
}
