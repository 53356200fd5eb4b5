import { createServer, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { asStatusError, type NodeStats, type Pod } from 'orlop/plugin';
import { resourceMetrics, statsSummary } from './summary.ts';

export interface KubeletSources {
  readonly nodeName: string;
  pods(): Pod[];
  stats(): Promise<NodeStats>;
}

/**
 * What kubelet serves over HTTP at port 10250 and clients read through `nodes/NAME/proxy`: here each connection is a stream of the bus,
 * and nothing listens.
 */
export class KubeletServer {
  readonly #server;

  constructor(sources: KubeletSources) {
    this.#server = createServer((incoming, outgoing) => {
      const path = (incoming.url ?? '/').split('?', 1)[0]!;
      answer(path, incoming.method ?? 'GET', sources, outgoing).catch((error: unknown) => {
        const { message, code } = asStatusError(error).toStatus();
        send(outgoing, code, `${message}\n`);
      });
    });
  }

  /** One connection; returns when it is over. */
  serve(stream: Duplex): Promise<void> {
    return new Promise((resolve) => {
      stream.once('close', resolve);
      stream.on('error', () => stream.destroy());
      this.#server.emit('connection', stream);
    });
  }

  close(): void {
    this.#server.closeAllConnections();
  }
}

async function answer(path: string, method: string, sources: KubeletSources, outgoing: ServerResponse) {
  if (method !== 'GET' && method !== 'HEAD') return send(outgoing, 405, 'Method Not Allowed\n');
  switch (path) {
    case '/healthz':
    case '/healthz/ping':
      return send(outgoing, 200, 'ok');
    case '/pods':
      return sendJson(outgoing, { kind: 'PodList', apiVersion: 'v1', metadata: {}, items: sources.pods() });
    case '/stats/summary':
      return sendJson(outgoing, statsSummary(sources.nodeName, await sources.stats()));
    case '/metrics/resource':
      return send(outgoing, 200, resourceMetrics(await sources.stats()), 'text/plain; version=0.0.4');
    default:
      return send(outgoing, 404, '404 page not found\n');
  }
}

function sendJson(outgoing: ServerResponse, body: object): void {
  send(outgoing, 200, JSON.stringify(body), 'application/json');
}

function send(
  outgoing: ServerResponse,
  code: number,
  text: string,
  type = 'text/plain; charset=utf-8',
): void {
  if (outgoing.headersSent || outgoing.destroyed) return;
  outgoing.writeHead(code, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(text) }).end(text);
}
