import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { getRequestListener, type HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { Hono } from 'hono';
import { type AccessAttributes, type Authenticator, asStatusError, StatusError } from 'orlop/plugin';
import { blobAttributes, blobs } from '../handlers/blobs.ts';
import type { Api } from '../handlers/call.ts';
import { type DocumentSources, sendDiscovery, sendOpenApi, unknownResource } from '../handlers/documents.ts';
import { type HealthCheck, health, PING } from '../handlers/health.ts';
import { sendIssuer, sendKeySet } from '../handlers/issuer.ts';
import { route } from '../handlers/route.ts';
import { storeMetrics } from '../handlers/store-metrics.ts';
import { authenticate, unauthorized } from '../http/authenticate.ts';
import { forbiddenTo } from '../http/authorize.ts';
import { Exchange } from '../http/exchange.ts';
import { impersonation } from '../http/impersonate.ts';
import { parseResourcePath } from '../http/path.ts';

export interface AppOptions {
  readonly api: Api;
  readonly documents: DocumentSources;
  readonly authenticator: Authenticator;
  /** For `/readyz`. */
  readonly readiness: () => HealthCheck[];
  /** The body of `/version`. */
  readonly version: object;
}

type Answer = (exchange: Exchange) => Promise<void>;

/** Listeners of a node server's `request` and `upgrade`. */
export interface App {
  request(incoming: IncomingMessage, outgoing: ServerResponse): void;
  upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): void;
}

/** The HTTP API: authentication, authorization, routing, and errors as Status bodies. */
export function app({ api, documents, authenticator, readiness, version }: AppOptions): App {
  /** Handlers write straight to the node response. */
  const answer = (handler: Answer) => async (context: { env: HttpBindings }) => {
    await carryOut(new Exchange(context.env.incoming, context.env.outgoing), handler);
    return RESPONSE_ALREADY_SENT;
  };

  async function carryOut(exchange: Exchange, handler: Answer): Promise<void> {
    try {
      exchange.user = await authenticate(exchange, authenticator);
      const other = impersonation(exchange);
      for (const need of other?.needs ?? []) await authorize(exchange, need);
      if (other) exchange.user = other.user;
      await handler(exchange);
    } catch (error) {
      await fail(exchange, error);
    }
  }

  async function fail(exchange: Exchange, error: unknown): Promise<void> {
    const { outgoing, method, pathname } = exchange;
    if (exchange.outgoing.destroyed) return;
    const status = asStatusError(error);
    if (status.reason === 'InternalError') {
      api.log.error(`${method} ${pathname} failed`, {
        error: error instanceof Error ? error.stack : String(error),
      });
    }
    if (outgoing.headersSent) {
      outgoing.destroy();
      return;
    }
    // A body that was refused is not read to its end.
    if (!exchange.incoming.complete) outgoing.setHeader('Connection', 'close');
    if (status.reason === 'Unauthorized') outgoing.setHeader('WWW-Authenticate', 'Bearer realm="orlop"');
    const { retryAfterSeconds } = status.details;
    if (retryAfterSeconds !== undefined) outgoing.setHeader('Retry-After', retryAfterSeconds);
    await exchange.status(status.toStatus());
  }

  async function authorize({ user }: Exchange, attributes: AccessAttributes): Promise<void> {
    const { allowed, reason } = await api.authorizer.authorize(user, attributes);
    if (allowed) return;
    if (user.groups.includes('system:unauthenticated')) throw unauthorized();
    throw forbiddenTo(user, attributes, reason);
  }

  /** Answers GET of a path that is no resource. */
  const plain =
    (handler: Answer): Answer =>
    async (exchange) => {
      // A HEAD is a GET without its body, as of resources.
      const verb = exchange.method === 'HEAD' ? 'get' : exchange.method.toLowerCase();
      await authorize(exchange, { verb, path: exchange.pathname });
      if (exchange.method !== 'GET' && exchange.method !== 'HEAD') {
        throw new StatusError(
          'MethodNotAllowed',
          'the server does not allow this method on the requested resource',
        );
      }
      await handler(exchange);
    };

  const discovery = plain((exchange) => sendDiscovery(exchange, documents));
  const resources: Answer = async (exchange) => {
    const path = parseResourcePath(exchange.pathname);
    if (!path) return discovery(exchange);
    const row = api.table.find(path.group, path.version, path.resource);
    if (!row) throw unknownResource();
    const { handler, attributes } = route(exchange.method, row, path, exchange.query);
    await authorize(exchange, attributes);
    if (row.deprecation) exchange.warn(row.deprecation);
    const reads = exchange.method === 'GET' || exchange.method === 'HEAD';
    const objects = reads ? api.objects : api.objects.onBehalfOf(exchange.user.username);
    await handler({ api: { ...api, objects }, exchange, row, path });
  };

  const bytes: Answer = async (exchange) => {
    await authorize(exchange, blobAttributes(exchange));
    await blobs(api.blobs, api.log, exchange);
  };

  const alive = (): HealthCheck[] => [PING];
  const probes = Object.entries({ healthz: alive, livez: alive, readyz: readiness });
  const paths = (): string[] => [
    ...['/api', '/apis', '/metrics', '/openapi/v2', '/openapi/v3', '/version'],
    ...probes.flatMap(([name, checks]) => [`/${name}`, ...checks().map((each) => `/${name}/${each.name}`)]),
  ];
  const hono = new Hono<{ Bindings: HttpBindings }>();
  hono.all('/apis/orlop.dev/v1/blobs', answer(bytes)).all('/apis/orlop.dev/v1/blobs/*', answer(bytes));
  hono.all('/api/*', answer(resources)).all('/apis/*', answer(resources));
  hono.all('/openapi/*', answer(plain((exchange) => sendOpenApi(exchange, documents))));
  hono.all(
    '/.well-known/openid-configuration',
    answer(plain((exchange) => sendIssuer(exchange, api, documents))),
  );
  hono.all('/openid/v1/jwks', answer(plain((exchange) => sendKeySet(exchange, api))));
  hono.all('/version', answer(plain((exchange) => exchange.json(200, version))));
  hono.all('/metrics', answer(plain(storeMetrics(api.objects))));
  for (const [name, checks] of probes) {
    const probe = answer(plain(health(name, checks)));
    hono.all(`/${name}`, probe).all(`/${name}/*`, probe);
  }
  hono.all('/', answer(plain((exchange) => exchange.json(200, { paths: paths().sort() }))));
  hono.all('*', answer(plain(() => Promise.reject(unknownResource()))));

  // Hono answers HEAD with a response of its own, without the mark that all handlers here return.
  const listener = getRequestListener(async (request, env) => {
    await hono.fetch(request, env as HttpBindings);
    return RESPONSE_ALREADY_SENT;
  });
  const lost = (socket: { destroy(): void }) => (error: unknown) => {
    api.log.error('a request failed', { error: String(error) });
    socket.destroy();
  };
  return {
    request: (incoming, outgoing) => void listener(incoming, outgoing).catch(lost(outgoing)),
    upgrade(incoming, socket, head) {
      // Node leaves the socket to us: until the upgrade is granted it is an answer's, as ever.
      socket.on('error', () => socket.destroy());
      const outgoing = new ServerResponse(incoming);
      outgoing.shouldKeepAlive = false;
      outgoing.assignSocket(socket as Socket);
      outgoing.once('finish', () => socket.end());
      carryOut(new Exchange(incoming, outgoing, { socket, head }), resources).catch(lost(socket));
    },
  };
}
