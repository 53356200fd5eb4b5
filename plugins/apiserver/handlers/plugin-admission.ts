import {
  type Admission,
  type AdmissionRequest,
  apiVersionOf,
  asStatusError,
  deepFreeze,
  isStatus,
  type KubeObject,
  qualifiedResource,
  StatusError,
  within,
} from 'orlop/plugin';
import { isObject, sameJson } from '../patch/shape.ts';
import type { GroupVersionKind, ResourceRow } from '../resources/types.ts';
import { decodeObject } from '../schemas/decode.ts';
import type { SchemaSource } from '../schemas/types.ts';
import type { AdmissionAttributes, AdmissionStep } from './admission.ts';
import type { Admissions, Asked } from './admissions.ts';
import { fromStorage, toStorage } from './present.ts';

/** What each is given. Source: the default `timeoutSeconds` of a webhook. */
const DEADLINE_MS = 10_000;

/** What makes an object that one. */
const KEPT = ['name', 'namespace', 'generateName', 'uid', 'resourceVersion'] as const;
/** What is no answer, but that there is none. */
const FAILURES = ['ServiceUnavailable', 'Timeout', 'InternalError'] as const;
/** What writers take for something else, and try again. */
const MISTAKABLE = ['Conflict', 'NotFound', 'AlreadyExists'] as const;

/**
 * Plugins of kind `admission.v1`, as webhooks with `failurePolicy: Fail` and `matchPolicy: Equivalent`: whichever version a client speaks, they
 * are asked in the stored one. Source: apiserver `admission/plugin/webhook`.
 */
export function pluginAdmission(admissions: Admissions, schemas: SchemaSource): AdmissionStep {
  return {
    mutate(attributes) {
      if (!attributes.object) return false;
      const asked = admissions.of(attributes);
      return asked.length > 0 && mutate(schemas, asked, attributes);
    },
    validate(attributes) {
      const asked = admissions.of(attributes);
      if (asked.length > 0) return validate(asked, requestOf(attributes));
    },
  };
}

async function mutate(
  schemas: SchemaSource,
  asked: readonly Asked[],
  attributes: AdmissionAttributes,
): Promise<boolean> {
  const first = requestOf(attributes);
  let request = first;
  for (const each of asked) {
    const made = await ask(each, request, async (admission) =>
      accept(schemas, attributes.kind ?? request.resource, request, await admission.mutate?.(request)),
    );
    if (made) request = Object.freeze({ ...request, object: made });
  }
  if (request === first) return false;
  const { row, object, kind } = attributes;
  const made = structuredClone(request.object!);
  overwrite(object!, kind ? made : fromStorage(row, made));
  return true;
}

async function validate(asked: readonly Asked[], request: AdmissionRequest): Promise<void> {
  for (const each of asked) await ask(each, request, (admission) => admission.validate?.(request));
}

/** Throws what refuses it, or why there is no answer; `undefined` when it has been deleted meanwhile. */
async function ask<T>(
  { name, plugin, admission, isDue }: Asked,
  request: AdmissionRequest,
  question: (admission: Admission) => T | Promise<T>,
): Promise<T | undefined> {
  try {
    if (typeof admission === 'string') throw new StatusError('ServiceUnavailable', admission);
    return await within(DEADLINE_MS, 'its answer', () => question(admission));
  } catch (error) {
    const { reason, message, details } = asStatusError(error);
    if (!(error instanceof StatusError) || isStatus(error, ...FAILURES)) {
      if (!isDue()) return undefined;
      const what = `${request.operation} of ${described(request)}`;
      const hint = `what it is to admit is refused until it answers: see kubectl get plugin ${plugin}, or do without it: kubectl delete plugin ${plugin}`;
      const text = `plugin "${name}", which is to admit the ${what}, failed: ${message}; ${hint}`;
      throw new StatusError(reason, text, details, { cause: error });
    }
    // A program's are labelled.
    const text = message.startsWith(`plugin "${name}"`)
      ? message
      : `plugin "${name}" denied the request: ${message}`;
    throw new StatusError(isStatus(error, ...MISTAKABLE) ? 'Forbidden' : reason, text, details, {
      cause: error,
    });
  }
}

function described({ resource, subResource }: AdmissionRequest): string {
  return `${qualifiedResource(resource)}${subResource === '' ? '' : `/${subResource}`}`;
}

function requestOf(attributes: AdmissionAttributes): AdmissionRequest {
  const { operation, row, subresource, namespace, name, object, kind: part, old, user, dryRun } = attributes;
  const { group, version, resource, kind, namespaced } = row.storage;
  return deepFreeze({
    operation,
    resource: { group, version, resource, kind, namespaced },
    subResource: subresource,
    ...(namespace === undefined ? {} : { namespace }),
    name,
    ...(object ? { object: part ? structuredClone(object) : stored(row, object) } : {}),
    ...(old ? { oldObject: stored(row, old) } : {}),
    userInfo: structuredClone(user),
    dryRun,
  });
}

/** A copy, in the stored version. */
function stored(row: ResourceRow, object: KubeObject): KubeObject {
  const copy = toStorage(row, structuredClone(object));
  copy.apiVersion ??= apiVersionOf(row.storage);
  copy.kind ??= row.storage.kind;
  return copy;
}

/** What a plugin has made of the object, frozen; `undefined` when that is the same. Throws `InternalError` when it is another object, or none. */
function accept(
  schemas: SchemaSource,
  type: GroupVersionKind,
  { object }: AdmissionRequest,
  given: unknown,
): KubeObject | undefined {
  if (given === undefined || given === null || given === object) return undefined;
  if (!isObject(given)) throw nonsense('it must be an object');
  const next = JSON.parse(JSON.stringify(given)) as KubeObject;
  const { metadata, apiVersion, kind } = object!;
  if (!isObject(next.metadata)) throw nonsense('it must have metadata');
  if (next.apiVersion !== apiVersion || next.kind !== kind)
    throw nonsense('apiVersion and kind must stay as they are');
  const changed = KEPT.find((key) => (next.metadata![key] ?? '') !== (metadata?.[key] ?? ''));
  if (changed) throw nonsense(`metadata.${changed} must stay as it is`);
  // Whose fields are whose is for the server to say.
  delete next.metadata.managedFields;
  if (metadata?.managedFields) next.metadata.managedFields = structuredClone(metadata.managedFields);
  const schema = schemas.schemaFor(type);
  try {
    if (schema) decodeObject(schema, type, next, 'Ignore');
  } catch (error) {
    throw nonsense((error as Error).message);
  }
  return sameJson(next, object!) ? undefined : deepFreeze(next);
}

function nonsense(why: string): StatusError {
  return new StatusError('InternalError', `what it has made of the object cannot be: ${why}`);
}

/** In place: its metadata, too, others hold. */
function overwrite(object: KubeObject, next: KubeObject): void {
  const { metadata = {} } = object;
  for (const part of [metadata, object] as Record<string, unknown>[])
    for (const key of Object.keys(part)) delete part[key];
  Object.assign(object, next, { metadata: Object.assign(metadata, next.metadata) });
}
