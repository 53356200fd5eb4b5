import { setMaxListeners } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { connect as tlsConnect } from 'node:tls';
import { asStatusError, StatusError } from 'orlop/plugin';
import type { Call } from '../handlers/call.ts';
import type { Exchange } from '../http/exchange.ts';
import { type Backend, backendOf } from './backend.ts';
import { requestHeaders, responseHeaders } from './headers.ts';
import { rewriteLocation } from './redirect.ts';

const PREFIX = /^\/api\/v1\/(?:namespaces\/[^/]+\/)?[^/]+\/[^/]+\/proxy(?=\/|$)/;

/** Any method of `/proxy` and what is below: the request as it is, to a pod, a Service or a node's agent. Source: apimachinery `proxy.UpgradeAwareHandler`. */
export async function proxyRequest(call: Call): Promise<void> {
  const { api, exchange } = call;
  const { incoming, method, pathname, outgoing } = exchange;
  const prefix = PREFIX.exec(pathname)?.[0] ?? pathname;
  const search = incoming.url!.slice(pathname.length);
  if (pathname === prefix && !exchange.upgrade && (method === 'GET' || method === 'HEAD')) {
    // Relative links of a page must not lead out of it.
    outgoing.writeHead(301, { Location: `${prefix}/${search}`, 'Content-Length': 0 }).end();
    return;
  }
  const backend = await backendOf(call);
  const signal = AbortSignal.any([api.sessions.abort.signal, exchange.signal]);
  const stream = await reach(backend, signal);
  const end = (): void => void stream.destroy();
  signal.addEventListener('abort', end, { once: true });
  try {
    const path = `${pathname.slice(prefix.length) || '/'}${search}`;
    const answer = await exchangeWith(stream, exchange, path);
    const own = [backend.host, exchange.header('host')].map((each) => each.toLowerCase());
    if (answer.upgraded) await splice(exchange, answer.response, stream, answer.head);
    else await relay(exchange, answer.response, (location) => rewriteLocation(location, prefix, own));
  } catch (error) {
    if (signal.aborted) return;
    if (!outgoing.headersSent) throw error;
    // The answer has begun: all that is left is to cut it short.
    outgoing.destroy();
  } finally {
    signal.removeEventListener('abort', end);
    end();
    // What is left of the request, its client shall be able to send.
    if (!exchange.upgrade) incoming.unpipe().resume();
  }
}

async function reach(backend: Backend, signal: AbortSignal): Promise<Duplex> {
  try {
    const stream = await backend.dial(signal);
    if (backend.scheme === 'http') return stream;
    // As upstream: the backend is known by where it is, whatever certificate it shows.
    return tlsConnect({ socket: stream, rejectUnauthorized: false });
  } catch (error) {
    const { reason, message } = asStatusError(error);
    if (reason === 'BadRequest') throw error;
    throw unreachable(message);
  }
}

function unreachable(why: string): StatusError {
  const prefix = 'error trying to reach service: ';
  return new StatusError('ServiceUnavailable', why.startsWith(prefix) ? why : `${prefix}${why}`);
}

type Answered =
  | { response: IncomingMessage; upgraded: false }
  | { response: IncomingMessage; upgraded: true; head: Buffer };

/** Sends the request and its body; resolves with the head of the answer, while the body may still be under way. */
function exchangeWith(stream: Duplex, exchange: Exchange, path: string): Promise<Answered> {
  const { incoming, method } = exchange;
  const upgrade = exchange.upgrade ? exchange.header('upgrade') || undefined : undefined;
  const headers = requestHeaders(incoming.rawHeaders, {
    client: incoming.socket.remoteAddress ?? '',
    url: incoming.url ?? '/',
    upgrade,
  });
  return new Promise((resolve, reject) => {
    const outbound: ClientRequest = request({
      createConnection: () => stream as never,
      method,
      path,
      headers,
      setHost: false,
    });
    const failed = (error: Error): void => reject(unreachable(error.message));
    const closed = (): void => failed(new Error('the connection was closed without an answer'));
    const answered = (answer: Answered): void => {
      stream.off('close', closed);
      resolve(answer);
    };
    outbound.once('response', (response) => answered({ response, upgraded: false }));
    outbound.once('upgrade', (response, _socket, head) => answered({ response, upgraded: true, head }));
    outbound.on('error', failed);
    stream.on('error', failed);
    stream.once('close', closed);
    if (exchange.upgrade) outbound.end();
    else {
      // A backend may answer before it has read all: then the rest is nobody's.
      incoming.on('error', () => stream.destroy());
      incoming.pipe(outbound);
    }
  });
}

async function relay(
  exchange: Exchange,
  response: IncomingMessage,
  rewrite: (location: string) => string,
): Promise<void> {
  const { outgoing } = exchange;
  const headers = responseHeaders(response.rawHeaders);
  const { location } = headers;
  if (typeof location === 'string') headers['location'] = rewrite(location);
  outgoing.writeHead(response.statusCode ?? 502, response.statusMessage, headers);
  // What comes piece by piece, as from a log, is passed on so.
  outgoing.flushHeaders();
  await pipeline(response, outgoing);
}

/** The two connections become one. */
async function splice(
  exchange: Exchange,
  response: IncomingMessage,
  stream: Duplex,
  head: Buffer,
): Promise<void> {
  const { socket, head: sent } = exchange.takeOver();
  const headers = response.rawHeaders.flatMap((name, i) =>
    i % 2 === 0 ? `${name}: ${response.rawHeaders[i + 1]}` : [],
  );
  socket.write(
    `HTTP/1.1 ${response.statusCode} ${response.statusMessage}\r\n${headers.join('\r\n')}\r\n\r\n`,
  );
  if (head.length > 0) socket.write(head);
  if (sent.length > 0) stream.write(sent);
  // A pipeline listens for the end of each of its parts several times over.
  setMaxListeners(20, stream);
  // However it ends, there is nobody left to tell.
  await pipeline(stream, socket, stream).catch(() => undefined);
  socket.destroy();
}
