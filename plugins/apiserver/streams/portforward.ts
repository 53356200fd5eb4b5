import { nodeSubject, type PortForwardParams, StatusError } from 'orlop/plugin';
import type { Call } from '../handlers/call.ts';
import { CHANNEL_PROTOCOLS } from './channels.ts';
import { forwardChannels } from './port-channels.ts';
import { targetOf } from './target.ts';
import { type Dial, SpdyTunnel } from './tunnel.ts';
import { openWebSocket } from './websocket.ts';

const SPDY = 'SPDY/3.1+portforward.k8s.io';
const DIAL_MS = 15_000;

/** A pod's `/portforward`: the agent of its node dials. Source: pod `PortForwardLocation`, PodPortForwardOptions. */
export async function forwardPorts(call: Call): Promise<void> {
  const { api, exchange } = call;
  const { node, namespace, name, uid } = await targetOf(call);
  const ports = exchange.query.getAll('ports').map(portNumber);
  const socket = await openWebSocket(exchange, [SPDY, ...CHANNEL_PROTOCOLS]);
  const ended = AbortSignal.any([api.sessions.abort.signal, socket.closed]);
  const dial: Dial = (port) => {
    const params: PortForwardParams = { namespace, pod: name, uid, port: portNumber(port) };
    const options = { signal: ended, timeout: DIAL_MS };
    return api.sessions.bus.openStream(nodeSubject(node, 'portforward'), { ...params }, options);
  };
  const stop = (): void => socket.close();
  api.sessions.abort.signal.addEventListener('abort', stop, { once: true });
  try {
    if (socket.protocol === SPDY) await new SpdyTunnel(socket, dial).run();
    else await forwardChannels(socket, ports, dial);
  } catch (error) {
    if (!ended.aborted) {
      api.log.warn(`port-forwarding to pod ${namespace}/${name} ended`, { error: String(error) });
    }
  } finally {
    api.sessions.abort.signal.removeEventListener('abort', stop);
    socket.close();
  }
}

function portNumber(text: string | number): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  throw new StatusError('BadRequest', `${JSON.stringify(text)} is not a port: want 1 to 65535`);
}
