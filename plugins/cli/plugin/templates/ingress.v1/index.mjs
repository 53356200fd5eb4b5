import { createServer, request, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream';
import {
  controller,
  definePlugin,
  IngressClasses,
  Ingresses,
  LoadBalancer,
  loopInstance,
  parseKey,
  source,
} from 'orlop/plugin';

/** @import { IncomingHttpHeaders, IncomingMessage } from 'node:http' */
/** @import { Socket } from 'node:net' */
/** @import { Endpoint, HTTPIngressPath, Ingress, IngressBackend } from 'orlop/plugin' */
/** @typedef {{ namespace: string, name: string, port: string | number }} Backend */

/** Whose IngressClasses are ours. */
const CONTROLLER = 'example.com/my-plugin';
/** Of these header lines each hop writes its own. */
const HOP = ['connection', 'keep-alive'];

/** How well a rule's path fits: the more the better, below 0 not at all.
 * @param {HTTPIngressPath} rule @param {string} asked */
function fit({ path = '/', pathType }, asked) {
  if (pathType === 'Exact') return path === asked ? Infinity : -1;
  const prefix = path.replace(/\/$/, '');
  return asked === prefix || asked.startsWith(`${prefix}/`) ? prefix.length : -1;
}

/** Where a request goes: the host itself before a wildcard before rules for any, then the path that fits best.
 * @param {readonly Ingress[]} ingresses @param {string} host @param {string} path @returns {Backend | undefined} */
export function route(ingresses, host, path) {
  const hosts = [host, host.replace(/^[^.]+/, '*'), ''];
  const found = ingresses.flatMap(({ metadata, spec }) => {
    /** @param {IngressBackend} backend @param {number} host @param {number} path */
    const to = ({ service: { name, port } = { name: '' } }, host, path) => ({
      backend: { namespace: metadata?.namespace ?? '', name, port: port?.name ?? port?.number ?? 0 },
      host,
      path,
    });
    const rules = (spec?.rules ?? []).flatMap((rule) =>
      (rule.http?.paths ?? []).map((each) =>
        to(each.backend, hosts.indexOf(rule.host ?? ''), fit(each, path)),
      ),
    );
    return spec?.defaultBackend ? [...rules, to(spec.defaultBackend, hosts.length, 0)] : rules;
  });
  return found
    .filter(({ host, path }) => host >= 0 && path >= 0)
    .sort((a, b) => a.host - b.host || b.path - a.path)[0]?.backend;
}

/** Sends a request to an endpoint, or to another if that one cannot be reached.
 * @param {LoadBalancer} balancer @param {Backend} to @param {IncomingMessage} incoming @param {ServerResponse} outgoing
 * @param {Endpoint[]} tried @returns {void} */
function pass(balancer, to, incoming, outgoing, tried = []) {
  const { method, url, socket, headers } = incoming;
  const pick = balancer.pick(to.namespace, to.name, to.port, tried);
  if (!pick) return void outgoing.writeHead(tried.length > 0 ? 502 : 503).end();
  const sent = request({
    ...pick.endpoint,
    method,
    path: url,
    headers: {
      ...without(headers, [...HOP, ...(headers.connection ?? '').toLowerCase().split(/ *, */)]),
      ...(headers.upgrade ? { connection: 'upgrade', upgrade: headers.upgrade } : {}),
      'x-forwarded-for': socket.remoteAddress,
      'x-forwarded-proto': 'http',
      'x-forwarded-host': headers.host,
    },
    agent: false,
  });
  let connected = false;
  sent.once('socket', (peer) =>
    peer.once('connect', () => {
      connected = true;
      if (headers.upgrade) sent.end();
      else incoming.pipe(sent);
    }),
  );
  sent.once('response', (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, without(answer.headers, HOP));
    // One that ends too early ends the client's connection, too.
    pipeline(answer, outgoing, () => {});
  });
  sent.once('upgrade', (answer, peer, head) => {
    const lines = Object.entries(answer.headers).map(([name, value]) => `${name}: ${value}`);
    socket.write(['HTTP/1.1 101 Switching Protocols', ...lines, '', ''].join('\r\n'));
    peer.unshift(head);
    pipeline(peer, socket, peer, () => {});
  });
  sent.once('error', () => {
    if (!connected) pass(balancer, to, incoming, outgoing, [...tried, pick.endpoint]);
    else if (outgoing.headersSent) outgoing.destroy();
    else outgoing.writeHead(502).end();
  });
  sent.once('close', () => pick.release());
  outgoing.once('close', () => sent.destroy());
}

/** @param {IncomingHttpHeaders} headers @param {string[]} names */
const without = (headers, names) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !names.includes(name)));

export default definePlugin({
  name: 'my-plugin',
  kind: 'ingress.v1',
  version: '0.1.0',
  description: 'Serves Ingresses over HTTP.',
  config: { type: 'object', properties: { httpPort: { type: 'integer', default: 8080 } } },
  requires: { balancer: LoadBalancer },
  grants: {
    objects: [
      { resource: Ingresses, verbs: ['get', 'list', 'watch', 'update'] },
      { resource: IngressClasses, verbs: ['get', 'list', 'create'] },
    ],
    host: ['net'],
  },
  // Where the load balancer runs, which it calls.
  isolation: { worker: 'data-path' },
  async start(ctx) {
    const { objects } = ctx;
    /** As the cache has them: no I/O. */
    const ours = async () => {
      const classes = (await objects.list(IngressClasses, { revision: 0 })).items;
      const names = classes.flatMap(({ key, value }) =>
        value.spec?.controller === CONTROLLER ? [key.name] : [],
      );
      const where = (/** @type {Ingress} */ { spec }) => names.includes(spec?.ingressClassName ?? '');
      return (await objects.list(Ingresses, { revision: 0, where })).items.map(({ value }) => value);
    };
    /** @param {IncomingMessage} incoming @param {ServerResponse} outgoing */
    const serve = async (incoming, outgoing) => {
      const { host = '' } = incoming.headers;
      const [path = '/'] = (incoming.url ?? '/').split('?');
      const backend = route(await ours(), host.toLowerCase().replace(/:\d+$/, ''), path);
      if (backend) pass(ctx.services.balancer, backend, incoming, outgoing);
      else outgoing.writeHead(404).end();
    };
    /** @param {IncomingMessage} incoming @param {ServerResponse} outgoing */
    const answer = (incoming, outgoing) =>
      void serve(incoming, outgoing).catch((error) => {
        ctx.log.warn('a request failed', { error: String(error) });
        outgoing.destroy();
      });
    const server = createServer(answer);
    server.on('upgrade', (incoming, socket) => {
      const outgoing = new ServerResponse(incoming);
      outgoing.assignSocket(/** @type {Socket} */ (socket));
      answer(incoming, outgoing);
    });
    const metadata = { name: 'my-plugin' };
    if (!(await objects.get(IngressClasses, metadata)))
      await objects.create(IngressClasses, { metadata, spec: { controller: CONTROLLER } });
    await ctx.listen({ host: '0.0.0.0', port: ctx.config.httpPort }, (socket) =>
      server.emit('connection', socket),
    );
    return loopInstance(() =>
      controller(ctx, {
        sources: [source(ctx, Ingresses)],
        async reconcile(key) {
          const { namespace, name } = parseKey(key);
          const mine = (await ours()).some(
            ({ metadata: of }) => of?.namespace === namespace && of?.name === name,
          );
          if (!mine) return;
          await objects.modify(Ingresses, { namespace, name }, (draft) => {
            if (draft.status?.loadBalancer?.ingress) return false;
            draft.status = { loadBalancer: { ingress: [{ ip: '127.0.0.1' }] } };
          });
        },
      }),
    );
  },
});
