import { apiVersionOf, type KubeObject, StatusError } from 'orlop/plugin';
import { bodyEncoding, parseJson, parseYaml, readBody } from '../http/body.ts';
import { isObject } from '../patch/shape.ts';
import type { GroupVersionKind } from '../resources/types.ts';
import { decodeObject } from '../schemas/decode.ts';
import { duplicateFields } from '../schemas/duplicates.ts';
import type { FieldValidation } from '../schemas/types.ts';
import type { Api, Call } from './call.ts';

/** The request's body as an object of `kind`, checked against its schema. Throws BadRequest, UnsupportedMediaType and the like. */
export async function decodeBody(
  call: Call,
  kind: GroupVersionKind,
  validation: FieldValidation,
): Promise<KubeObject> {
  const duplicates: string[] = [];
  const parsed = await parseBody(call, validation === 'Ignore' ? undefined : duplicates);
  if (!isObject(parsed))
    throw bad(`the object provided is unrecognized (must be of type ${kind.kind}): it is not an object`);
  return conform(call, kind, parsed, validation, duplicates);
}

/** The parsed body, `undefined` when there is none. `duplicates` receives what to say of fields that occur twice. */
export async function parseBody(
  { api, exchange }: Pick<Call, 'api' | 'exchange'>,
  duplicates?: string[],
): Promise<unknown> {
  const encoding = bodyEncoding(exchange.header('content-type'));
  const body = await readBody(exchange.incoming);
  if (body.length === 0) return undefined;
  if (encoding === 'protobuf') return api.protobuf.decode(body);
  if (encoding === 'yaml') return parseYaml(body, duplicates);
  const parsed = parseJson(body);
  duplicates?.push(...duplicatesIn(body));
  return parsed;
}

export function duplicatesIn(json: Buffer): string[] {
  return duplicateFields(json.toString()).map((path) => `duplicate field ${JSON.stringify(path)}`);
}

/** Checks kind and schema of a new object, in place; unknown fields become warnings of the answer, or with `Strict` a BadRequest. */
export function conform(
  { api, exchange }: Pick<Call, 'api' | 'exchange'>,
  kind: GroupVersionKind,
  parsed: Record<string, unknown>,
  validation: FieldValidation,
  duplicates: readonly string[] = [],
): KubeObject {
  const object = parsed as KubeObject;
  checkKind(kind, object);
  for (const warning of checkSchema(api, kind, object, validation, duplicates)) exchange.warn(warning);
  return object;
}

export function checkSchema(
  api: Api,
  kind: GroupVersionKind,
  object: KubeObject,
  validation: FieldValidation,
  duplicates: readonly string[] = [],
): string[] {
  const schema = api.schemas.schemaFor(kind);
  return schema ? decodeObject(schema, kind, object, validation, duplicates) : [];
}

/** Bodies of subresources that clients of Kubernetes 1.20 send under an older name; nothing else of them differs. */
const RENAMED: Readonly<Record<string, string>> = { 'policy/v1beta1 Eviction': 'policy/v1' };

function checkKind(kind: GroupVersionKind, object: KubeObject): void {
  const version = apiVersionOf(kind);
  object.apiVersion ??= version;
  if (RENAMED[`${object.apiVersion} ${kind.kind}`] === version) object.apiVersion = version;
  object.kind ??= kind.kind;
  if (object.apiVersion !== version) {
    throw bad(
      `the API version in the data (${String(object.apiVersion)}) does not match the expected API version (${version})`,
    );
  }
  if (object.kind !== kind.kind) {
    throw bad(
      `${String(object.kind)} in version ${JSON.stringify(kind.version)} cannot be handled as a ${kind.kind}`,
    );
  }
  if (object.metadata === undefined || object.metadata === null) object.metadata = {};
  else if (!isObject(object.metadata)) throw bad(`metadata of a ${kind.kind} must be an object`);
}

function bad(message: string): StatusError {
  return new StatusError('BadRequest', message);
}
