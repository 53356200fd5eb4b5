import { createServer, request, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream';
import {
  controller,
  definePlugin,
  IngressClasses,
  Ingresses,
  informer,
  keyOfObject,
  LoadBalancer,
  loopInstance,
  parseKey,
  source,
} from 'orlop/plugin';

/** @import { IncomingHttpHeaders, IncomingMessage } from 'node:http' */
/** @import { Socket } from 'node:net' */
/** @import { Context, Endpoint, HTTPIngressPath, Ingress, IngressBackend, IngressClass } from 'orlop/plugin' */
/** @import { KubeObject, Resource } from 'orlop/plugin' */
/** @typedef {{ namespace: string, name: string, port: string | number }} Backend */

/** Whose IngressClasses are ours: the standard plugin's, whose place this takes. One to run beside it has a name and a class of its own. */
const CONTROLLER = 'orlop.dev/ingress';
const DEFAULT = 'ingressclass.kubernetes.io/is-default-class';
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

/**
 * Keeps all objects of a resource, by key. Resolves when those that there are are known.
 * @template {KubeObject} T @param {Context} ctx @param {Resource<T>} resource @param {Map<string, T>} objects
 * @returns {Promise<void>}
 */
function keep(ctx, resource, objects) {
  return new Promise((synced) => {
    const changed = (/** @type {T} */ object) => void objects.set(keyOfObject(object), object);
    const deleted = (/** @type {T} */ object) => void objects.delete(keyOfObject(object));
    const watch = informer(ctx, resource, {}, { changed, deleted, synced });
    ctx.defer(() => watch.close());
  });
}

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
      { resource: IngressClasses, verbs: ['get', 'list', 'watch', 'create'] },
    ],
    host: ['net'],
  },
  // Where the load balancer runs, which it calls.
  isolation: { worker: 'data-path' },
  async start(ctx) {
    const { objects, services } = ctx;
    const metadata = { name: 'orlop', annotations: { [DEFAULT]: 'true' } };
    if (!(await objects.get(IngressClasses, metadata)))
      await objects.create(IngressClasses, { metadata, spec: { controller: CONTROLLER } });
    /** @type {Map<string, IngressClass>} */
    const classes = new Map();
    /** @type {Map<string, Ingress>} */
    const ingresses = new Map();
    await Promise.all([keep(ctx, IngressClasses, classes), keep(ctx, Ingresses, ingresses)]);
    const ours = () => {
      const our = [...classes.values()].filter(({ spec }) => spec?.controller === CONTROLLER);
      const names = our.map(({ metadata }) => metadata?.name);
      const isDefault = our.some(({ metadata }) => metadata?.annotations?.[DEFAULT] === 'true');
      return [...ingresses.values()].filter(({ spec: { ingressClassName: name } = {} }) =>
        name === undefined ? isDefault : names.includes(name),
      );
    };

    let isOver = false;
    ctx.defer(() => {
      isOver = true;
    });
    /** @param {IncomingMessage} incoming @param {ServerResponse} outgoing */
    const serve = (incoming, outgoing) => {
      // Clients whose connections are kept go to the successor with their next request.
      if (isOver) outgoing.setHeader('connection', 'close');
      const host = (incoming.headers.host ?? '').toLowerCase().replace(/:\d+$/, '');
      const [path = '/'] = (incoming.url ?? '/').split('?');
      const backend = route(ours(), host, path);
      if (backend) pass(services.balancer, backend, incoming, outgoing);
      else outgoing.writeHead(404).end();
    };
    const server = createServer(serve);
    server.on('upgrade', (incoming, socket) => {
      const outgoing = new ServerResponse(incoming);
      outgoing.assignSocket(/** @type {Socket} */ (socket));
      serve(incoming, outgoing);
    });
    await ctx.listen({ host: '0.0.0.0', port: ctx.config.httpPort }, (socket) =>
      server.emit('connection', socket),
    );
    return loopInstance(() =>
      controller(ctx, {
        sources: [source(ctx, Ingresses)],
        async reconcile(key) {
          const { namespace, name } = parseKey(key);
          if (!ours().some(({ metadata: of }) => of?.namespace === namespace && of?.name === name)) return;
          await objects.modify(Ingresses, { namespace, name }, (draft) => {
            if (draft.status?.loadBalancer?.ingress) return false;
            draft.status = { loadBalancer: { ingress: [{ ip: '127.0.0.1' }] } };
          });
        },
      }),
    );
  },
});
