import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Checks } from '../checks.ts';

/** What a pod answers: what has reached it. */
export interface Seen {
  pod: string;
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** What is behind an Ingress: a server that tells what it was asked, at a port of 127.0.0.1 of its own. */
export class Pod {
  readonly name: string;
  /** It stays the pod's when it has stopped. */
  port = 0;
  readonly #server = createServer((incoming, outgoing) => void this.#answer(incoming, outgoing));
  readonly #sockets = new Set<Socket>();
  readonly #webSockets = new WebSocketServer({ noServer: true });
  /** Answers of `/stream` that go on when it is called. */
  #held: (() => void)[] = [];
  /** Requests that have reached it. */
  requests = 0;

  private constructor(name: string) {
    this.name = name;
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    this.#server.on('upgrade', (incoming, socket, head) => {
      this.#webSockets.handleUpgrade(incoming, socket, head, (peer: WebSocket) => {
        peer.on('message', (data, isBinary) => peer.send(data, { binary: isBinary }));
      });
    });
  }

  static async start(t: Checks, name: string): Promise<Pod> {
    const pod = new Pod(name);
    t.teardown(() => pod.stop());
    pod.#server.listen(0, '127.0.0.1');
    await once(pod.#server, 'listening');
    pod.port = (pod.#server.address() as AddressInfo).port;
    return pod;
  }

  /** Lets the answers of `/stream` go on. */
  release(): void {
    for (const each of this.#held.splice(0)) each();
  }

  /** At once, with all its connections. */
  stop(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  async #answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    this.requests += 1;
    const { method = '', url = '', headers } = incoming;
    let body = '';
    try {
      for await (const chunk of incoming) body += String(chunk);
    } catch {
      // The client has gone.
      return;
    }
    const [, what, status = ''] = url.split('/');
    if (what === 'status') {
      outgoing.writeHead(Number(status), { 'x-of': 'the pod', 'set-cookie': ['a=1', 'b=2'] }).end();
    } else if (what === 'stream') {
      outgoing.write('one');
      this.#held.push(() => outgoing.end('two'));
    } else if (what === 'die') {
      incoming.socket.destroy();
    } else if (what === 'cut') {
      outgoing.write('half', () => incoming.socket.destroy());
    } else {
      const seen: Seen = { pod: this.name, method, url, headers, body };
      outgoing.setHeader('content-type', 'application/json');
      outgoing.end(JSON.stringify(seen));
    }
  }
}
