import { StatusError } from 'orlop/plugin';
import {
  AGGREGATED,
  aggregatedDiscovery,
  apiGroup,
  apiGroupList,
  apiResourceList,
  apiVersions,
} from '../discovery/documents.ts';
import { parseAccept } from '../http/accept.ts';
import type { Exchange } from '../http/exchange.ts';
import type { HashedDocument, OpenApi } from '../openapi/documents.ts';
import type { ResourceTable } from '../resources/table.ts';

/** What the documents are made of. */
export interface DocumentSources {
  readonly table: ResourceTable;
  readonly openapi: OpenApi;
  /** This server's host and port, for clients. */
  readonly address: () => string;
}

/** GET of `/api`, `/apis` and what is below them but no resource. */
export function sendDiscovery(exchange: Exchange, { table, address }: DocumentSources): Promise<void> {
  const [root, ...segments] = exchange.pathname.split('/').filter((segment) => segment !== '');
  const isCore = root === 'api';
  if (segments.length === 0 && wantsAggregated(exchange)) {
    return exchange.json(200, aggregatedDiscovery(table, isCore), AGGREGATED);
  }
  const document = isCore
    ? segments.length === 0
      ? apiVersions(table, address())
      : apiResourceList(table, '', segments[0]!)
    : segments.length === 0
      ? apiGroupList(table)
      : segments.length === 1
        ? apiGroup(table, segments[0]!)
        : apiResourceList(table, segments[0]!, segments[1]!);
  if (!document) throw unknownResource();
  return exchange.json(200, document);
}

function wantsAggregated(exchange: Exchange): boolean {
  return parseAccept(exchange.header('accept')).some(
    ({ parameters: { as, g, v } }) =>
      as === 'APIGroupDiscoveryList' && g === 'apidiscovery.k8s.io' && v === 'v2',
  );
}

/** GET of `/openapi/v3` and its documents, and of `/openapi/v2`. */
export async function sendOpenApi(exchange: Exchange, { openapi }: DocumentSources): Promise<void> {
  const path = exchange.pathname.replace(/^\/openapi\//, '');
  if (path === 'v2') {
    const isJson = wantsJson(exchange.header('accept'));
    const document = openapi.swagger(isJson ? 'json' : 'protobuf');
    return sendHashed(exchange, document, '', isJson ? undefined : SWAGGER_PROTOBUF);
  }
  if (path === 'v3') return sendHashed(exchange, openapi.index(), '');
  const document = path.startsWith('v3/') ? openapi.document(path.slice('v3/'.length)) : undefined;
  if (!document) throw unknownResource();
  return sendHashed(exchange, document, exchange.query.get('hash') ?? '');
}

const SWAGGER_PROTOBUF = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';
/** With the `@` that clients write, which no media type may have. */
const PROTOBUF_TYPES = new Set([SWAGGER_PROTOBUF, SWAGGER_PROTOBUF.replace('.v1.0', '@v1.0')]);
const JSON_TYPES = new Set(['*/*', 'application/*', 'application/json']);

/** Or else protobuf, whichever the client likes better. Throws NotAcceptable. Source: kube-openapi `handler`. */
function wantsJson(accept: string): boolean {
  const ranges = accept === '' ? [{ type: '*/*' }] : parseAccept(accept);
  const best = ranges.find(({ type }) => JSON_TYPES.has(type) || PROTOBUF_TYPES.has(type));
  if (best) return JSON_TYPES.has(best.type);
  throw new StatusError(
    'NotAcceptable',
    `only the following media types are accepted: application/json, ${SWAGGER_PROTOBUF}`,
  );
}

/** A request that names the document's hash may keep the answer for good. Source: kube-openapi `handler3`. */
async function sendHashed(
  exchange: Exchange,
  { bytes, hash }: HashedDocument,
  asked: string,
  type = 'application/json',
): Promise<void> {
  const etag = `"${hash}"`;
  const headers: Record<string, string> = { ETag: etag, Vary: 'Accept' };
  if (asked === hash) {
    headers['Cache-Control'] = 'public, immutable';
    headers['Expires'] = new Date(Date.now() + 365 * 24 * 3600 * 1000).toUTCString();
  }
  if (exchange.header('if-none-match') === etag) {
    exchange.outgoing.writeHead(304, headers).end();
    return;
  }
  await exchange.bytes(200, bytes, type, headers);
}

export function unknownResource(): StatusError {
  return new StatusError('NotFound', 'the server could not find the requested resource');
}
