import { apiVersionOf, type ListOptions, type ObjectList, type StoredObject } from 'orlop/plugin';
import { acceptedForm } from '../http/accept.ts';
import { type ListQuery, listQuery } from '../http/options.ts';
import { partialMetadata, toTable } from '../printing/table.ts';
import type { Call } from './call.ts';
import { fromStorage, includeObject, isStoredForm } from './present.ts';
import { type Selection, selection } from './selection.ts';
import { watchObjects } from './watch.ts';

/** GET of a collection: a list, or a watch. */
export async function listObjects(call: Call): Promise<void> {
  const { exchange, row, path } = call;
  const query = listQuery(exchange.query, path.watch);
  // GET /watch/.../NAME watches one object.
  const fields = path.name === undefined ? query.fieldSelector : `metadata.name=${path.name}`;
  const selected = selection(row, query.labelSelector, fields);
  if (query.watch) return watchObjects(call, query, selected);
  const list = await readList(call, query, selected);
  await sendList(call, list);
}

export async function readList(call: Call, query: ListQuery, selected: Selection): Promise<ObjectList> {
  const { api, row, path } = call;
  const namespace = path.namespace ?? selected.namespace;
  const isOneObject = selected.name !== undefined && (!row.namespaced || namespace !== undefined);
  if (isOneObject && query.limit === undefined && query.resourceVersionMatch !== 'Exact') {
    return listOne(call, query, selected, namespace);
  }
  return api.objects.list(row.storage, {
    namespace: row.namespaced ? namespace : undefined,
    where: selected.where,
    limit: query.limit,
    continue: query.continue,
    ...freshness(query),
  });
}

/** As upstream: no revision reads the newest, `0` whatever is there, `N` not older, or with `Exact` or a limit that very state. */
function freshness(query: ListQuery): Pick<ListOptions, 'at' | 'revision'> {
  const { resourceVersion: revision, resourceVersionMatch: match, limit } = query;
  if (query.continue !== undefined || revision === undefined) return {};
  const isExact = match === 'Exact' || (match === undefined && limit !== undefined && revision !== 0);
  return isExact ? { at: revision } : { revision };
}

/** A list that one name narrows to at most one object needs no scan. */
async function listOne(
  { api, row }: Call,
  query: ListQuery,
  selected: Selection,
  namespace: string | undefined,
): Promise<ObjectList> {
  const key = { ...(row.namespaced ? { namespace } : {}), name: selected.name! };
  const { revision } = await api.objects.list(row.storage, {
    ...freshness(query),
    namespace: namespace ?? undefined,
    limit: 1,
  });
  const stored = await api.objects.get(row.storage, key, { revision });
  const items = stored && (selected.where?.(stored.value) ?? true) ? [stored] : [];
  return { items, revision: Math.max(revision, stored?.revision ?? 0) };
}

async function sendList(call: Call, list: ObjectList): Promise<void> {
  const { exchange, row } = call;
  const form = acceptedForm(exchange.header('accept'));
  const metadata = {
    resourceVersion: String(list.revision),
    ...(list.continue === undefined ? {} : { continue: list.continue }),
    ...(list.remaining ? { remainingItemCount: list.remaining } : {}),
  };
  if (form === 'Object') {
    const head = { kind: `${row.kind}List`, apiVersion: apiVersionOf(row), metadata };
    return exchange.bytes(200, listBytes(call, head, list.items));
  }
  const values = list.items.map((item) => fromStorage(row, item.value));
  if (form === 'Table') {
    return exchange.json(
      200,
      toTable(row, values, { includeObject: includeObject(exchange.query), metadata }),
    );
  }
  const items = values.map(partialMetadata);
  await exchange.json(200, {
    kind: 'PartialObjectMetadataList',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    items,
  });
}

/** The list as JSON, made of the objects' own bytes. */
function listBytes({ row }: Call, head: object, items: readonly StoredObject[]): Buffer {
  const start = `${JSON.stringify(head).slice(0, -1)},"items":[`;
  const end = ']}\n';
  if (!isStoredForm(row)) {
    const values = items.map(({ value }) => JSON.stringify(fromStorage(row, value)));
    return Buffer.from(start + values.join() + end);
  }
  const commas = Math.max(0, items.length - 1);
  const length = items.reduce((sum, { byteLength }) => sum + byteLength, Buffer.byteLength(start) + commas);
  const list = Buffer.allocUnsafe(length + end.length);
  let at = list.write(start);
  items.forEach((item, index) => {
    if (index > 0) at += list.write(',', at);
    at = item.copy(list, at);
  });
  list.write(end, at);
  return list;
}
