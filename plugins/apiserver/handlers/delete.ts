import {
  apiVersionOf,
  conflict,
  isStatus,
  type KubeObject,
  notFound,
  type ObjectKey,
  StatusError,
  type StoredObject,
} from 'orlop/plugin';
import { deleteOptions, listQuery } from '../http/options.ts';
import { isObject } from '../patch/shape.ts';
import type { Call } from './call.ts';
import { keyOfPath } from './call.ts';
import { checkSchema, parseBody } from './decode.ts';
import { readList } from './list.ts';
import { fromStorage, sendObject } from './present.ts';
import { selection } from './selection.ts';

/** Deletions of a collection under way at once. */
const AT_ONCE = 32;

export const DELETE_OPTIONS = { group: '', version: 'v1', kind: 'DeleteOptions' };

type Options = ReturnType<typeof deleteOptions>;

/** DELETE of one object. */
export async function deleteObject(call: Call): Promise<void> {
  await sendDeleted(call, await readDeleteOptions(call));
}

/** Deletes the object that the path names, and answers with `answer`, or the object, or a Status when it is gone. */
export async function sendDeleted(call: Call, options: Options, answer?: { code: number }): Promise<void> {
  const { exchange, row } = call;
  const key = keyOfPath(call);
  const { object, gone } = await remove(call, key, options);
  if (answer) return exchange.json(answer.code, answer);
  if (!gone) return sendObject(call, 200, object);
  await exchange.json(200, {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: {
      name: key.name,
      ...(row.group === '' ? {} : { group: row.group }),
      kind: row.resource,
      uid: object.value.metadata?.uid,
    },
  });
}

/** DELETE of a collection: what the selectors match. */
export async function deleteCollection(call: Call): Promise<void> {
  const { exchange, row } = call;
  const query = listQuery(exchange.query);
  const options = await readDeleteOptions(call);
  const list = await readList(call, query, selection(row, query.labelSelector, query.fieldSelector));
  const items: KubeObject[] = [];
  for (let from = 0; from < list.items.length; from += AT_ONCE) {
    const some = list.items.slice(from, from + AT_ONCE);
    const removed = await Promise.all(some.map((item) => removeListed(call, item, options)));
    for (const object of removed) if (object) items.push(fromStorage(row, object.value));
  }
  const metadata = { resourceVersion: String(list.revision) };
  await exchange.json(200, { kind: `${row.kind}List`, apiVersion: apiVersionOf(row), metadata, items });
}

/** `undefined`: somebody else deleted it meanwhile, perhaps to make another one, which was not asked for. */
async function removeListed(
  call: Call,
  { key, value }: StoredObject,
  options: Options,
): Promise<StoredObject | undefined> {
  try {
    return (await remove(call, key, { ...options, uid: value.metadata?.uid })).object;
  } catch (error) {
    if (isStatus(error, 'NotFound', 'Conflict')) return undefined;
    throw error;
  }
}

async function readDeleteOptions(call: Call): Promise<Options> {
  const body = (await parseBody(call)) ?? {};
  if (!isObject(body)) throw new StatusError('BadRequest', 'DeleteOptions must be an object');
  const { kind = 'DeleteOptions', apiVersion } = body;
  if (kind !== 'DeleteOptions') {
    throw new StatusError(
      'BadRequest',
      `${String(kind)} in version ${JSON.stringify(apiVersion ?? '')} cannot be handled as a DeleteOptions`,
    );
  }
  checkSchema(call.api, DELETE_OPTIONS, body, 'Ignore');
  return deleteOptions(call.exchange.query, body);
}

async function remove(
  call: Call,
  key: ObjectKey,
  options: Options,
): Promise<{ object: StoredObject; gone: boolean }> {
  const { api, exchange, row } = call;
  const old = await api.objects.get(row.storage, key);
  if (!old) throw notFound(row, key.name);
  const request = {
    operation: 'DELETE',
    row,
    subresource: '',
    namespace: key.namespace,
    name: key.name,
    old: fromStorage(row, old.value),
    user: exchange.user,
    dryRun: options.dryRun,
  } as const;
  await api.admission.mutate(request);
  await api.admission.validate(request);
  checkPreconditions(call, old, options);
  if (options.dryRun) return { object: old, gone: true };
  const { dryRun: _, ...rest } = options;
  const gracePeriodSeconds = row.strategy.gracePeriodSeconds?.(old.value, options.gracePeriodSeconds) ?? 0;
  const object = await api.objects.delete(row.storage, key, { ...rest, gracePeriodSeconds });
  const left = await api.objects.get(row.storage, key, { revision: 0 });
  return { object, gone: left?.value.metadata?.uid !== object.value.metadata?.uid };
}

function checkPreconditions({ row }: Call, old: StoredObject, { uid, revision }: Options): void {
  const actual = old.value.metadata?.uid;
  if (uid !== undefined && uid !== actual) {
    throw conflict(
      row,
      old.key.name,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${actual}`,
    );
  }
  if (revision !== undefined && revision !== old.revision) {
    throw conflict(
      row,
      old.key.name,
      `Precondition failed: ResourceVersion in precondition: ${revision}, ResourceVersion in object meta: ${old.revision}`,
    );
  }
}
