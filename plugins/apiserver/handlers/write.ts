import {
  alreadyExists,
  apiVersionOf,
  conflict,
  generateName,
  type KubeObject,
  type ObjectMeta,
  StatusError,
  type StoredObject,
} from 'orlop/plugin';
import { trackUpdate } from '../apply/apply.ts';
import type { ManagerIdentity } from '../apply/managed.ts';
import { forbiddenTo } from '../http/authorize.ts';
import type { WriteOptions } from '../http/options.ts';
import { sameJson } from '../patch/shape.ts';
import { invalidObject } from '../resources/errors.ts';
import {
  applyDefaults,
  isStatusPart,
  prepareForUpdate,
  storeReserving,
  validateUpdate,
} from '../resources/lifecycle.ts';
import type { AdmissionAttributes } from './admission.ts';
import type { Call } from './call.ts';
import { admitCreation } from './creation.ts';
import { asIfStored } from './dry-run.ts';
import { copyFromStorage, toStorage } from './present.ts';

export interface UpdateOptions extends Pick<WriteOptions, 'dryRun' | 'fieldManager'> {
  readonly subresource: string;
  /** The managedFields are already those of the result. */
  readonly isApplied?: boolean;
}

/** From a decoded object of the row's version to the stored one. Throws what admission, validation and the store refuse. */
export async function createObject(
  call: Call,
  object: KubeObject,
  { dryRun, fieldManager, isApplied }: Omit<UpdateOptions, 'subresource'>,
): Promise<StoredObject | KubeObject> {
  const { api, exchange, row } = call;
  object.metadata ??= {};
  const { metadata } = object;
  if (metadata.resourceVersion !== undefined && metadata.resourceVersion !== '') {
    throw new StatusError('BadRequest', 'resourceVersion should not be set on objects to be created');
  }
  nameObject(call, object);
  // The request was allowed as what its method is.
  if (exchange.method !== 'POST') await authorizeCreate(call);
  await admitCreation(api.admission, { row, object, user: exchange.user, dryRun });
  for (const warning of row.strategy.warnings?.(object) ?? []) exchange.warn(warning);
  if (!isApplied) {
    delete metadata.managedFields;
    trackUpdate(undefined, object, tracking(call, fieldManager, ''));
  }
  if (dryRun) await refuseExisting(call, metadata);
  const stored = await storeReserving(api.objects, row, toStorage(row, object), undefined, dryRun);
  return dryRun ? asIfStored(stored as KubeObject) : stored;
}

/** Who applies or puts what is not there has to be allowed to create it. Source: apiserver `handlers/create.go`, withAuthorization. */
async function authorizeCreate({ api, exchange: { user }, row, path }: Call): Promise<void> {
  const { group, resource } = row;
  const asked = { verb: 'create', group, resource, namespace: path.namespace, name: path.name };
  const { allowed, reason } = await api.authorizer.authorize(user, asked);
  if (!allowed) throw forbiddenTo(user, asked, reason);
}

/** Fills in and checks namespace and name. */
function nameObject({ row, path }: Call, object: KubeObject): void {
  const metadata = object.metadata!;
  if (row.namespaced) {
    if (metadata.namespace && metadata.namespace !== path.namespace) {
      throw new StatusError(
        'BadRequest',
        `the namespace of the provided object does not match the namespace sent on the request`,
      );
    }
    if (path.namespace === undefined)
      throw new StatusError('BadRequest', 'an empty namespace may not be set during creation');
    metadata.namespace = path.namespace;
  }
  if (!metadata.name && metadata.generateName) metadata.name = generateName(metadata.generateName);
}

async function refuseExisting({ api, row }: Call, { name = '', namespace }: ObjectMeta): Promise<void> {
  if (await api.objects.get(row.storage, { namespace, name })) throw alreadyExists(row, name);
}

/**
 * Replaces `old` by `next`, which is of the row's version; `next.metadata.resourceVersion`, if set, must be that of `old`. Nothing is
 * written when nothing changes. Throws Conflict when `old` is no longer the newest.
 */
export async function updateObject(
  call: Call,
  old: StoredObject,
  next: KubeObject,
  options: UpdateOptions,
): Promise<StoredObject | KubeObject> {
  const { api, exchange, row } = call;
  const { dryRun, subresource } = options;
  // Parts of it go into `next`, which is changed.
  const before = copyFromStorage(row, old);
  const name = old.key.name;
  next.metadata ??= {};
  const metadata: { -readonly [K in keyof ObjectMeta]: ObjectMeta[K] } = next.metadata;
  checkIdentity(call, next, before);
  metadata.namespace ??= before.metadata?.namespace;
  if (metadata.namespace === undefined) delete metadata.namespace;
  metadata.name ??= name;
  prepareForUpdate(row, next, before, subresource);
  applyDefaults(row, next);
  const request: AdmissionAttributes = {
    operation: 'UPDATE',
    row,
    subresource,
    namespace: old.key.namespace,
    name,
    object: next,
    old: before,
    user: exchange.user,
    dryRun,
  };
  if (await api.admission.mutate(request)) {
    prepareForUpdate(row, next, before, subresource);
    applyDefaults(row, next);
  }
  const errors = validateUpdate(row, next, before, subresource);
  if (errors.length > 0) throw invalidObject(row, next.metadata?.name ?? '', errors);
  await api.admission.validate(request);
  if (!isStatusPart(subresource))
    for (const warning of row.strategy.warnings?.(next, before) ?? []) exchange.warn(warning);
  metadata.resourceVersion = String(old.revision);
  if (!options.isApplied) trackUpdate(before, next, tracking(call, options.fieldManager, subresource));
  if (sameJson(before, next)) return old;
  const stored = await storeReserving(api.objects, row, toStorage(row, next), old.value, dryRun);
  return dryRun ? asIfStored(stored as KubeObject, old.value) : stored;
}

function checkIdentity({ row }: Call, next: KubeObject, old: KubeObject): void {
  const [after, before] = [next.metadata ?? {}, old.metadata ?? {}];
  const name = before.name ?? '';
  if (after.name !== undefined && after.name !== name) {
    throw new StatusError(
      'BadRequest',
      `the name of the object (${after.name}) does not match the name on the URL (${name})`,
    );
  }
  if (after.namespace !== undefined && after.namespace !== before.namespace && row.namespaced) {
    throw new StatusError(
      'BadRequest',
      'the namespace of the provided object does not match the namespace sent on the request',
    );
  }
  if (after.uid && after.uid !== before.uid) {
    throw conflict(
      row,
      name,
      `Precondition failed: UID in precondition: ${after.uid}, UID in object meta: ${before.uid}`,
    );
  }
  if (after.resourceVersion && after.resourceVersion !== before.resourceVersion) throw conflict(row, name);
}

/** Who writes, for managedFields. */
export function tracking(
  call: Call,
  fieldManager: string,
  subresource: string,
  operation: 'Apply' | 'Update' = 'Update',
) {
  const { api, row } = call;
  const manager: ManagerIdentity = {
    name: fieldManager,
    operation,
    apiVersion: apiVersionOf(row),
    subresource,
  };
  const hasStatus = row.subresources.some((each) => each.name === 'status');
  return { manager, schema: api.schemas.schemaFor(row), hasStatus };
}
