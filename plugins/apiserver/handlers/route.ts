import { type AccessAttributes, StatusError } from 'orlop/plugin';
import { flag } from '../http/options.ts';
import type { ResourcePath } from '../http/path.ts';
import { proxyRequest } from '../proxy/handler.ts';
import type { ResourceRow } from '../resources/types.ts';
import { asSession } from '../server/sessions.ts';
import { attachPod, execPod } from '../streams/exec.ts';
import { forwardPorts } from '../streams/portforward.ts';
import type { Handler } from './call.ts';
import { components } from './components.ts';
import { createFromBody } from './create.ts';
import { deleteCollection, deleteObject } from './delete.ts';
import { unknownResource } from './documents.ts';
import { evictPod } from './eviction.ts';
import { finalizeNamespace } from './finalize.ts';
import { kernels } from './kernels.ts';
import { listObjects } from './list.ts';
import { podLogs } from './logs.ts';
import { metrics } from './metrics.ts';
import { patchFromBody } from './patch.ts';
import { bindPod } from './pods.ts';
import { getObject } from './read.ts';
import { review } from './reviews.ts';
import { scaleObject } from './scale.ts';
import { parseFieldSelector } from './selection.ts';
import { createToken } from './tokens.ts';
import { updateFromBody } from './update.ts';

interface Route {
  readonly verb: string;
  readonly handler: Handler;
}
type Methods = Readonly<Record<string, Route>>;

const COLLECTION: Methods = {
  GET: { verb: 'list', handler: listObjects },
  POST: { verb: 'create', handler: createFromBody },
  DELETE: { verb: 'deletecollection', handler: deleteCollection },
};
const OBJECT: Methods = {
  GET: { verb: 'get', handler: getObject },
  PUT: { verb: 'update', handler: updateFromBody },
  PATCH: { verb: 'patch', handler: patchFromBody },
  DELETE: { verb: 'delete', handler: deleteObject },
};
/** Its connection is not closed with the instance. */
function session(handler: Handler): Handler {
  return (call) => asSession(call.api.sessions, call.exchange.incoming, () => handler(call));
}
/** WebSockets begin with a GET; clients that know SPDY only POST, and are told. */
function connect(handler: Handler): Methods {
  return { GET: { verb: 'get', handler: session(handler) }, POST: { verb: 'create', handler } };
}
const proxy = session(proxyRequest);
const PROXY: Methods = {
  GET: { verb: 'get', handler: proxy },
  OPTIONS: { verb: 'get', handler: proxy },
  POST: { verb: 'create', handler: proxy },
  PUT: { verb: 'update', handler: proxy },
  PATCH: { verb: 'patch', handler: proxy },
  DELETE: { verb: 'delete', handler: proxy },
};
const { DELETE: _, ...PART } = OBJECT;
const SUBRESOURCES: Readonly<Record<string, Methods>> = {
  status: PART,
  approval: PART,
  ephemeralcontainers: PART,
  resize: PART,
  scale: {
    GET: { verb: 'get', handler: scaleObject },
    PUT: { verb: 'update', handler: scaleObject },
    PATCH: { verb: 'patch', handler: scaleObject },
  },
  attach: connect(attachPod),
  exec: connect(execPod),
  portforward: connect(forwardPorts),
  log: { GET: { verb: 'get', handler: session(podLogs) } },
  binding: { POST: { verb: 'create', handler: bindPod } },
  eviction: { POST: { verb: 'create', handler: evictPod } },
  proxy: PROXY,
  token: { POST: { verb: 'create', handler: createToken } },
  finalize: { PUT: { verb: 'update', handler: finalizeNamespace } },
};

/** What answers for objects that are not kept. */
const MADE = { review, nodes: metrics, plugins: components, presence: kernels } as const;

/**
 * Which handler answers, and what it does in terms of authorization. Throws NotFound, MethodNotAllowed, or BadRequest. Source: apiserver
 * `requestinfo.go`.
 */
export function route(
  method: string,
  row: ResourceRow,
  path: ResourcePath,
  query: URLSearchParams,
): { handler: Handler; attributes: AccessAttributes } {
  if (!row.namespaced && path.namespace !== undefined) throw unknownResource();
  const found = methods(row, path)[method === 'HEAD' ? 'GET' : method];
  if (!found) throw notAllowed();
  const isWatch = found.verb === 'list' && (path.watch || flag(query, 'watch') === true);
  const verb = isWatch ? 'watch' : found.verb;
  if (path.subresource === undefined && !row.verbs.includes(verb)) throw notAllowed();
  return {
    handler: row.source === 'store' ? found.handler : MADE[row.source],
    attributes: {
      verb,
      group: row.group,
      resource: row.resource,
      subresource: path.subresource,
      // A namespace is in itself: who may read it may be bound there.
      namespace: row.group === '' && row.resource === 'namespaces' ? path.name : path.namespace,
      name: path.name ?? (found.verb === 'list' ? onlyName(query.get('fieldSelector')) : undefined),
    },
  };
}

/** A list that asks for one object by its name is about that object: who may see only that may watch it. */
function onlyName(fields: string | null): string | undefined {
  if (!fields) return undefined;
  return parseFieldSelector(fields).find(({ label, equal }) => label === 'metadata.name' && equal)?.value;
}

function methods(row: ResourceRow, path: ResourcePath): Methods {
  const isAllNamespaces = row.namespaced && path.namespace === undefined;
  if (path.watch && path.subresource !== undefined) throw unknownResource();
  if (path.name === undefined || path.watch) {
    return isAllNamespaces || path.watch ? { GET: COLLECTION['GET']! } : COLLECTION;
  }
  if (isAllNamespaces) throw unknownResource();
  if (path.subresource === undefined) return OBJECT;
  const name = path.subresource;
  const isDeeper = path.rest !== '' && name !== 'proxy';
  if (!row.subresources.some((each) => each.name === name) || isDeeper) throw unknownResource();
  if (Object.hasOwn(SUBRESOURCES, name)) return SUBRESOURCES[name]!;
  throw new StatusError('NotFound', `${row.resource}/${name} is not served by this version of Orlop`);
}

function notAllowed(): StatusError {
  return new StatusError(
    'MethodNotAllowed',
    'the server does not allow this method on the requested resource',
  );
}
