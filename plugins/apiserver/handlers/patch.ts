import {
  apiVersionOf,
  conflict,
  isStatus,
  type KubeObject,
  notFound,
  StatusError,
  type StoredObject,
} from 'orlop/plugin';
import { applyConfiguration } from '../apply/apply.ts';
import { mediaType, parseJson, parseYaml, readBody, unsupported } from '../http/body.ts';
import { invalidOptions, type WriteOptions, writeOptions } from '../http/options.ts';
import { jsonPatch } from '../patch/json.ts';
import { mergePatch } from '../patch/merge.ts';
import { isObject } from '../patch/shape.ts';
import { strategicMergePatch } from '../patch/strategic.ts';
import { forbidden, invalid, invalidObject, required } from '../resources/errors.ts';
import type { GroupVersionKind } from '../resources/types.ts';
import type { FieldValidation } from '../schemas/types.ts';
import { type Call, keyOfPath } from './call.ts';
import { checkSchema, conform, duplicatesIn } from './decode.ts';
import { copyFromStorage, fromStorage, sendObject } from './present.ts';
import { ATTEMPTS } from './update.ts';
import { createObject, tracking, updateObject } from './write.ts';

/** What a PATCH makes of an object: a new one, which may share parts with its argument. */
export type Change = (object: KubeObject) => KubeObject;

const APPLY = 'application/apply-patch+yaml';
const TYPES = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
} as const;

/** PATCH of an object or of its status, of any of the four types. */
export async function patchFromBody(call: Call): Promise<void> {
  const { exchange } = call;
  const options = writeOptions(exchange.query, exchange.header('user-agent'), 'PatchOptions');
  const type = mediaType(exchange.header('content-type'));
  if (type === APPLY || type === 'application/apply-patch+cbor') return applyFromBody(call, options);
  if (exchange.query.has('force')) {
    throw invalidOptions('PatchOptions', forbidden('force', 'may not be specified for non-apply patch'));
  }
  const duplicates: string[] = [];
  const change = await readChange(call, call.row, duplicates);
  await sendObject(call, 200, await patchObject(call, change, options, duplicates));
}

/** Reads a JSON, merge or strategic merge patch of an object of `kind`; `duplicates` receives what to say of fields that occur twice. */
export async function readChange(
  { api, exchange }: Call,
  kind: Parameters<Call['api']['schemas']['schemaFor']>[0],
  duplicates: string[] = [],
): Promise<Change> {
  const header = exchange.header('content-type');
  const type = mediaType(header);
  if (!(Object.values(TYPES) as string[]).includes(type))
    throw unsupported(header, [...Object.values(TYPES), APPLY]);
  const body = await readBody(exchange.incoming);
  const patch = parseJson(body);
  duplicates.push(...duplicatesIn(body));
  if (type === TYPES.json) return (object) => object_(jsonPatch(object, patch));
  if (!isObject(patch)) throw new StatusError('BadRequest', 'error decoding patch: it is not an object');
  if (type === TYPES.merge) return (object) => object_(mergePatch(object, patch));
  const schema = api.schemas.schemaFor(kind);
  return (object) => strategicMergePatch(object as Record<string, unknown>, patch, schema);
}

function object_(value: unknown): KubeObject {
  if (isObject(value)) return value;
  throw new StatusError('BadRequest', 'the patch does not leave an object');
}

/** Reads, changes, writes; again when the write lost a race, unless the patch names a resourceVersion. */
export async function patchObject(
  call: Call,
  change: Change,
  options: WriteOptions,
  duplicates: readonly string[] = [],
): Promise<StoredObject | KubeObject> {
  const { api, row, path } = call;
  const key = keyOfPath(call);
  for (let attempt = 1; ; attempt += 1) {
    const old = await api.objects.get(row.storage, key);
    if (!old) throw notFound(row, key.name);
    const before = fromStorage(row, old.value);
    const next = change(copyFromStorage(row, old));
    const isConditional = next.metadata?.resourceVersion !== before.metadata?.resourceVersion;
    if (isConditional && next.metadata?.resourceVersion) throw conflict(row, key.name);
    if (next.apiVersion !== before.apiVersion || next.kind !== before.kind) {
      throw new StatusError('BadRequest', 'a patch may not change apiVersion or kind');
    }
    checkPatched(call, row, next, options.fieldValidation, duplicates);
    try {
      return await updateObject(call, old, next, { ...options, subresource: path.subresource ?? '' });
    } catch (error) {
      if (attempt === ATTEMPTS || !isLostRace(error)) throw error;
    }
  }
}

/** Refuses what a patch leaves that is no object of its kind, or warns. Source: apiserver `handlers/patch.go`, applyPatchToCurrentObject. */
export function checkPatched(
  { api, exchange }: Call,
  kind: GroupVersionKind,
  patched: KubeObject,
  validation: FieldValidation,
  duplicates: readonly string[],
): void {
  const before = validation === 'Strict' ? JSON.stringify(patched) : '';
  try {
    for (const warning of checkSchema(api, kind, patched, validation, duplicates)) exchange.warn(warning);
  } catch (error) {
    if (!isStatus(error, 'BadRequest')) throw error;
    const why = error.message.replace(/^.*? cannot be handled as a \w+: /, '');
    throw invalidObject({ group: '', version: '', kind: '' }, '', [
      invalid('patch', before || JSON.stringify(patched), why),
    ]);
  }
}

async function applyFromBody(call: Call, options: WriteOptions): Promise<void> {
  const { api, exchange, row, path } = call;
  if (!exchange.query.get('fieldManager')) {
    throw invalidOptions('PatchOptions', required('fieldManager', 'is required for apply patch'));
  }
  const duplicates: string[] = [];
  const parsed = parseYaml(await readBody(exchange.incoming), duplicates);
  if (!isObject(parsed))
    throw new StatusError('BadRequest', 'error decoding the applied configuration: it is not an object');
  const { apiVersion = '', kind = '' } = parsed;
  if (apiVersion !== apiVersionOf(row)) {
    throw new StatusError(
      'BadRequest',
      `incorrect version specified in apply patch. Specified patch version: ${String(apiVersion)}, expected: ${apiVersionOf(row)}`,
    );
  }
  if (kind === '')
    throw new StatusError('BadRequest', "Object 'Kind' is missing in the applied configuration");
  const config = conform(call, row, parsed, options.fieldValidation, duplicates);
  checkConfiguration(config, call);
  const key = keyOfPath(call);
  const subresource = path.subresource ?? '';
  const applied = { ...tracking(call, options.fieldManager, subresource, 'Apply'), force: options.force };
  for (let attempt = 1; ; attempt += 1) {
    const old = await api.objects.get(row.storage, key);
    try {
      if (!old) {
        if (subresource !== '') throw notFound(row, key.name);
        const { resourceVersion, uid } = config.metadata ?? {};
        if (resourceVersion || uid) throw conflict(row, key.name, 'the object does not exist');
        const created = applyConfiguration({}, structuredClone(config), applied);
        return await sendObject(
          call,
          201,
          await createObject(call, created, { ...options, isApplied: true }),
        );
      }
      const next = applyConfiguration(copyFromStorage(row, old), structuredClone(config), applied);
      return await sendObject(
        call,
        200,
        await updateObject(call, old, next, { ...options, subresource, isApplied: true }),
      );
    } catch (error) {
      if (attempt === ATTEMPTS || !(isLostRace(error) || (!old && isStatus(error, 'AlreadyExists'))))
        throw error;
    }
  }
}

function checkConfiguration(config: KubeObject, call: Call): void {
  config.metadata ??= {};
  const { metadata } = config;
  const { name, namespace } = keyOfPath(call);
  if (metadata.managedFields !== undefined && metadata.managedFields.length > 0) {
    throw new StatusError('BadRequest', 'metadata.managedFields must be nil');
  }
  delete metadata.managedFields;
  metadata.name ??= name;
  if (metadata.name !== name) {
    throw new StatusError(
      'BadRequest',
      `the name of the object (${metadata.name}) does not match the name on the URL (${name})`,
    );
  }
  if (metadata.namespace !== undefined && metadata.namespace !== namespace) {
    throw new StatusError(
      'BadRequest',
      'the namespace of the provided object does not match the namespace sent on the request',
    );
  }
}

/** A Conflict of the store's compare-and-swap; not one of field managers or of a precondition, which stay. */
function isLostRace(error: unknown): boolean {
  return (
    isStatus(error, 'Conflict') &&
    error.details.causes === undefined &&
    !error.message.includes('Precondition failed')
  );
}
