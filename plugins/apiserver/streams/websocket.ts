import { Readable } from 'node:stream';
import { StatusError } from 'orlop/plugin';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Exchange } from '../http/exchange.ts';

/** Longest message taken, bytes: clients send standard input in pieces of their own making. */
const MOST_MESSAGE = 16 * 1024 * 1024;
/** Keeps middleboxes from forgetting the connection, and notices when its other end has gone. */
const PING_MS = 10_000;

/** An open WebSocket, with back-pressure both ways. */
export interface MessageSocket {
  /** The subprotocol in use. */
  readonly protocol: string;
  /** Ends when the client closes it or goes away. */
  readonly messages: AsyncIterable<Buffer>;
  readonly closed: AbortSignal;
  /** Resolves when the message is on its way; rejects when the socket is closed. */
  send(message: Uint8Array): Promise<void>;
  /** As done. Source: RFC 6455, close code 1000. */
  close(): void;
}

/**
 * Answers a request to upgrade with `101 Switching Protocols`. Throws BadRequest when it is none, or offers none of `protocols`
 * (best first).
 */
export async function openWebSocket(
  exchange: Exchange,
  protocols: readonly string[],
): Promise<MessageSocket> {
  const { incoming } = exchange;
  const isWebSocket = exchange.header('upgrade').toLowerCase() === 'websocket';
  if (!exchange.upgrade || !isWebSocket) {
    throw new StatusError('BadRequest', 'Upgrade request required: a WebSocket, which this request is not');
  }
  const offered = exchange.header('sec-websocket-protocol').split(/\s*,\s*/);
  const protocol = protocols.find((each) => offered.includes(each));
  if (protocol === undefined) {
    throw new StatusError(
      'BadRequest',
      `none of the WebSocket subprotocols offered is served (${offered.join(', ')}): use ${protocols.join(' or ')}`,
    );
  }
  // `ws` refuses subprotocols that are no tokens, as SPDY/3.1+portforward.k8s.io.
  delete incoming.headers['sec-websocket-protocol'];
  const { socket, head } = exchange.takeOver();
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: MOST_MESSAGE,
  });
  server.on('headers', (headers) => headers.push(`Sec-WebSocket-Protocol: ${protocol}`));
  const ws = await new Promise<WebSocket>((resolve, reject) => {
    const gone = (): void => reject(new Error('the client left during the WebSocket handshake'));
    socket.once('close', gone);
    server.handleUpgrade(incoming, socket, head, (opened) => {
      socket.off('close', gone);
      resolve(opened);
    });
  });
  return messageSocket(ws, protocol);
}

function messageSocket(ws: WebSocket, protocol: string): MessageSocket {
  const closed = new AbortController();
  const messages = new Readable({ objectMode: true, read: () => ws.resume() });
  const timer = setInterval(() => ws.ping(), PING_MS);
  ws.on('message', (data: Buffer) => {
    if (!messages.destroyed && !messages.push(Buffer.from(data))) ws.pause();
  });
  // It is followed by `close`.
  ws.on('error', () => undefined);
  ws.once('close', () => {
    clearInterval(timer);
    closed.abort();
    if (!messages.destroyed) messages.push(null);
  });
  return {
    protocol,
    messages,
    closed: closed.signal,
    send: (message) =>
      new Promise((resolve, reject) =>
        ws.send(message, { binary: true }, (error) => (error ? reject(error) : resolve())),
      ),
    close() {
      messages.destroy();
      // The client's own close is behind what it sent and nobody reads.
      ws.resume();
      ws.close(1000);
    },
  };
}
