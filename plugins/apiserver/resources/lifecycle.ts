import {
  isStatus,
  type KubeObject,
  type ObjectClient,
  type ObjectMeta,
  type Resource,
  type StoredObject,
  type UserInfo,
} from 'orlop/plugin';
import { validateMetadata, validateMetadataUpdate } from './metadata.ts';
import type { FieldError, PartStrategy, ResourceRow, StatusPart } from './types.ts';

type WithParts = KubeObject & { spec?: unknown; status?: unknown };

/**
 * What happens to an object between decoding and storing, common parts and the kind's own. The order of a create is
 * `applyDefaults`, mutating admission, `prepareForCreate`, `validateCreate`, validating admission, `storeReserving`.
 * Source: apiserver `registry/rest/{create,update}.go`.
 */
export function applyDefaults(row: ResourceRow, object: KubeObject): void {
  row.strategy.default?.(object);
}

/** The name must be final: see `generateName`. */
export function prepareForCreate(row: ResourceRow, object: KubeObject, user?: UserInfo): void {
  const metadata = metadataOf(object);
  for (const field of SYSTEM_FIELDS) delete metadata[field];
  if (hasStatus(row) && !row.strategy.keepsStatus) delete (object as WithParts).status;
  row.strategy.prepareForCreate?.(object, user);
}

const SYSTEM_FIELDS: readonly (keyof ObjectMeta)[] = [
  'uid',
  'resourceVersion',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'generation',
  'selfLink',
];

/** `subresource`: `''` for the object itself; else everything but what it is for, and some metadata, stays as it is. */
export function prepareForUpdate(
  row: ResourceRow,
  next: KubeObject,
  old: KubeObject,
  subresource = '',
): void {
  const part = row.strategy.parts?.[subresource];
  if (part) {
    takePart(part, next, old);
    applyDefaults(row, next);
    return;
  }
  const metadata = metadataOf(next);
  const before = old.metadata ?? {};
  // Clients may leave these out of a PUT; and nobody may change them.
  for (const field of ['creationTimestamp', 'generation', 'deletionGracePeriodSeconds'] as const) {
    restore(metadata, before, field);
  }
  restore(metadata, before, 'deletionTimestamp');
  if (metadata.uid === undefined || metadata.uid === '') restore(metadata, before, 'uid');
  if (isStatusPart(subresource)) {
    for (const key of new Set([...Object.keys(next), ...Object.keys(old)])) {
      if (key !== 'metadata' && key !== 'status') restore(next as WithParts, old as WithParts, key as 'spec');
    }
    for (const field of ['labels', 'ownerReferences', 'finalizers'] as const) {
      if (row.kind !== 'Node' || field !== 'labels') restore(metadata, before, field);
    }
    row.strategy.prepareForStatusUpdate?.(next, old, subresource);
    return;
  }
  if (hasStatus(row)) restore(next as WithParts, old as WithParts, 'status');
  applyDefaults(row, next);
  row.strategy.prepareForUpdate?.(next, old);
}

/** Makes `next` the old object but for one part. */
function takePart(part: PartStrategy<KubeObject>, next: KubeObject, old: KubeObject): void {
  const wanted = { ...next };
  const { resourceVersion, uid, managedFields } = wanted.metadata ?? {};
  for (const key of Object.keys(next)) delete next[key as keyof KubeObject];
  Object.assign(next, structuredClone(old));
  const metadata = metadataOf(next);
  for (const [field, value] of Object.entries({ resourceVersion, uid, managedFields })) {
    if (value !== undefined) Object.assign(metadata, { [field]: value });
  }
  part.take(next, wanted);
}

/** Only the status is written. */
export function isStatusPart(subresource: string): subresource is StatusPart {
  return subresource === 'status' || subresource === 'approval';
}

function metadataOf(object: KubeObject): ObjectMeta {
  object.metadata ??= {};
  return object.metadata;
}

function restore<T extends object>(next: T, old: T, field: keyof T): void {
  if (old[field] === undefined) delete next[field];
  else next[field] = old[field];
}

function hasStatus(row: ResourceRow): boolean {
  return row.subresources.some((subresource) => subresource.name === 'status');
}

/** Everything wrong with an object whatever it was before; answer with `invalidObject`. */
export function validateState(row: ResourceRow, object: KubeObject): FieldError[] {
  return [...validateMetadata(row, object), ...(row.strategy.validate?.(object) ?? [])];
}

/** The same of a new object. */
export function validateCreate(row: ResourceRow, object: KubeObject): FieldError[] {
  return [...validateState(row, object), ...(row.strategy.validateCreate?.(object) ?? [])];
}

export function validateUpdate(
  row: ResourceRow,
  next: KubeObject,
  old: KubeObject,
  subresource = '',
): FieldError[] {
  const errors = [...validateMetadata(row, next), ...validateMetadataUpdate(next, old)];
  if (isStatusPart(subresource)) {
    return [...errors, ...(row.strategy.validateStatusUpdate?.(next, old, subresource) ?? [])];
  }
  if (row.strategy.validate) errors.push(...row.strategy.validate(next));
  const part = row.strategy.parts?.[subresource];
  if (part || row.strategy.validateUpdate) {
    // An older version may have stored it: what is only filled in now has not changed.
    const before = structuredClone(old);
    applyDefaults(row, before);
    errors.push(
      ...(part ? part.validate(next, before) : (row.strategy.validateUpdate?.(next, before) ?? [])),
    );
  }
  return errors;
}

const RESERVE_ATTEMPTS = 10;

/**
 * Creates (`old` absent) or updates `object`, together with what its strategy reserves for it, all or nothing. With `dryRun` nothing
 * is written and the object comes back as it would be. The object that was stored is the result's `value`.
 */
export async function storeReserving(
  objects: ObjectClient,
  row: ResourceRow,
  object: KubeObject,
  old?: KubeObject,
  dryRun = false,
): Promise<StoredObject | KubeObject> {
  const { storage, strategy } = row;
  if (!strategy.reserve) {
    if (dryRun) return object;
    return old ? objects.update(storage, object) : objects.create(storage, object);
  }
  for (let attempt = 1; ; attempt += 1) {
    const draft = structuredClone(object);
    const reservations = await strategy.reserve(objects, draft, old);
    if (dryRun) return draft;
    try {
      const write = { verb: old ? 'update' : 'create', resource: storage, object: draft } as const;
      const stored = await objects.transact([write, ...reservations]);
      return stored[0]!;
    } catch (error) {
      // Somebody else took what was picked in the same moment: pick again.
      if (attempt === RESERVE_ATTEMPTS || !lostReservation(error, storage)) throw error;
    }
  }
}

function lostReservation(error: unknown, storage: Resource): boolean {
  return isStatus(error, 'AlreadyExists', 'Conflict') && error.details.kind !== storage.resource;
}
