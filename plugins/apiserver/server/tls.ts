import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TlsOptions } from 'node:tls';

const TLS_HANDSHAKE = 0x16;
/** A client that connects and says nothing. */
const FIRST_BYTE_MS = 10_000;

export interface TlsServer {
  /** Takes a freshly accepted socket: TLS, or plain HTTP that is told what to do. */
  accept(socket: Socket): void;
  /**
   * Ends each connection when the answer it waits for is complete, at the latest after `ms`. Idle ones end at once, or, with `lingerMs`,
   * after that time, unless a request arrives meanwhile: it is answered with `Connection: close`, so that no client meets a closed
   * connection. Of those in `others` nothing is ended but an answer's connection after it.
   */
  close(ms: number, lingerMs?: number, others?: ReadonlySet<Socket>): Promise<void>;
}

/** An HTTPS server that never listens: the host owns the listener. */
export function tlsServer(
  options: TlsOptions,
  handle: {
    request(incoming: IncomingMessage, outgoing: ServerResponse): void;
    upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): void;
  },
): TlsServer {
  const sockets = new Set<Socket>();
  /** Answers under way. */
  const answers = new Set<ServerResponse>();
  let state: 'open' | 'lingering' | 'closing' = 'open';
  const server: Server = createServer(
    { ...options, keepAliveTimeout: 90_000, noDelay: true },
    (incoming, outgoing) => {
      const { socket } = incoming;
      answers.add(outgoing);
      outgoing.once('close', () => {
        answers.delete(outgoing);
        if (state === 'closing') socket.end();
      });
      if (state !== 'open') outgoing.setHeader('Connection', 'close');
      handle.request(incoming, outgoing);
    },
  );
  server.on('upgrade', handle.upgrade);
  // Node tracks connections, for their time-outs and to close idle ones, from this event on.
  server.emit('listening');
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  server.on('clientError', (_error, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
  });

  return {
    accept(socket) {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      socket.on('error', () => socket.destroy());
      const silent = (): void => void socket.destroy();
      const timer = setTimeout(silent, FIRST_BYTE_MS);
      socket.once('close', () => clearTimeout(timer));
      socket.once('end', silent);
      socket.once('data', (first: Buffer) => {
        clearTimeout(timer);
        socket.off('end', silent);
        socket.pause();
        if (first[0] !== TLS_HANDSHAKE) return refusePlain(socket);
        socket.unshift(first);
        server.emit('connection', socket);
      });
    },
    async close(ms, lingerMs = 0, others = new Set<Socket>()) {
      // What is accepted is below what TLS makes of it.
      const isOther = ({ remoteAddress, remotePort }: Socket): boolean =>
        [...others].some((each) => each.remotePort === remotePort && each.remoteAddress === remoteAddress);
      state = 'lingering';
      for (const outgoing of answers) if (!outgoing.headersSent) outgoing.setHeader('Connection', 'close');
      const own = [...sockets].filter((socket) => !isOther(socket));
      const closed = own.map(
        (socket) => new Promise<void>((resolve) => socket.once('close', () => resolve())),
      );
      const linger = setTimeout(() => {
        state = 'closing';
        server.closeIdleConnections();
      }, lingerMs);
      let limit: NodeJS.Timeout | undefined;
      const over = new Promise<void>((resolve) => {
        limit = setTimeout(() => {
          for (const socket of sockets) if (!isOther(socket)) socket.destroy();
          resolve();
        }, ms);
      });
      await Promise.race([Promise.all(closed), over]);
      clearTimeout(linger);
      clearTimeout(limit);
      state = 'closing';
      server.close();
    },
  };
}

const PLAIN =
  "Client sent an HTTP request to an HTTPS server.\nThe Kubernetes API is served over TLS only: use https:// and the cluster's kubeconfig.\n";

/** Source: Go's net/http answers the same. */
function refusePlain(socket: Socket): void {
  socket.end(
    `HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\nContent-Length: ${PLAIN.length}\r\n\r\n${PLAIN}`,
  );
  socket.resume();
}
