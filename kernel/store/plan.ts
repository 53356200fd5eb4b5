import { randomUUID } from 'node:crypto';
import {
  alreadyExists,
  conflict,
  createdObject,
  type Decision,
  type DeleteOptions,
  deletedObject,
  type KubeObject,
  notFound,
  type ObjectKey,
  type Precondition,
  type Resource,
  StatusError,
  updatedObject,
  type Write,
} from '../contract/index.ts';
import { serialize } from './bytes.ts';
import type { Entry } from './entry.ts';

/** What one write does to the newest revision of its object. `json` absent: nothing changes. */
export interface Plan {
  json: Buffer | undefined;
  remove: boolean;
}

export function keyOfObject(resource: Resource, object: KubeObject): ObjectKey {
  const { name, namespace } = object.metadata ?? {};
  if (!name) throw new StatusError('BadRequest', `metadata.name of a ${resource.kind} is required`);
  if (!resource.namespaced) return { name };
  if (!namespace)
    throw new StatusError('BadRequest', `metadata.namespace of ${resource.kind} "${name}" is required`);
  return { namespace, name };
}

export function planCreate(resource: Resource, object: KubeObject, current: Entry | undefined): Plan {
  const name = object.metadata?.name ?? '';
  if (current && !current.deleted) throw alreadyExists(resource, name);
  const { namespace: _namespace, ...rest } = object.metadata ?? {};
  const scoped = resource.namespaced ? object : { ...object, metadata: rest };
  const uid = object.metadata?.uid || randomUUID();
  return { json: serialize(resource, createdObject(scoped, name, uid, new Date())), remove: false };
}

export function planUpdate(resource: Resource, object: KubeObject, current: Entry | undefined): Plan {
  const { name = '', uid, resourceVersion } = object.metadata ?? {};
  const entry = live(resource, name, current, {
    uid,
    revision: resourceVersion ? revisionOf(resourceVersion) : undefined,
  });
  return plan(resource, entry, updatedObject(entry.value, object));
}

export function planDelete(
  resource: Resource,
  key: ObjectKey,
  options: DeleteOptions,
  current: Entry | undefined,
): Plan {
  const entry = live(resource, key.name, current, options);
  return plan(resource, entry, deletedObject(entry.value, options, new Date()));
}

export function planWrite(write: Write, key: ObjectKey, current: Entry | undefined): Plan {
  switch (write.verb) {
    case 'create':
      return planCreate(write.resource, write.object, current);
    case 'update':
      return planUpdate(write.resource, write.object, current);
    case 'delete':
      return planDelete(write.resource, key, write, current);
  }
}

function plan(resource: Resource, entry: Entry, { object, remove }: Decision): Plan {
  const json = serialize(resource, object);
  return !remove && !entry.stale && json.equals(entry.json) ? { json: undefined, remove } : { json, remove };
}

function live(resource: Resource, name: string, current: Entry | undefined, need: Precondition): Entry {
  if (!current || current.deleted) throw notFound(resource, name);
  const { uid } = current.value.metadata ?? {};
  if (need.uid && need.uid !== uid)
    throw conflict(
      resource,
      name,
      `Precondition failed: UID in precondition: ${need.uid}, UID in object meta: ${uid}`,
    );
  if (need.revision !== undefined && need.revision !== current.revision) throw conflict(resource, name);
  return current;
}

function revisionOf(text: string): number {
  const revision = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(revision))
    throw new StatusError('BadRequest', `metadata.resourceVersion "${text}" is not one this server gave out`);
  return revision;
}
