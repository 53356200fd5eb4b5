import { type KubeObject, StatusError } from 'orlop/plugin';
import { canonicalQuantity } from '../resources/quantity.ts';
import type { GroupVersionKind } from '../resources/types.ts';
import type { FieldValidation, Schema } from './types.ts';

/**
 * Makes a parsed body into an object of `kind`, in place: drops nulls and unknown fields, writes quantities in their canonical form. Returns
 * warnings for unknown fields, after those for `duplicates`; with `Strict` they are refused. Throws `BadRequest` on a value of the wrong type. The messages are upstream's.
 */
export function decodeObject(
  schema: Schema,
  kind: GroupVersionKind,
  object: KubeObject,
  validation: FieldValidation,
  duplicates: readonly string[] = [],
): string[] {
  const unknown: string[] = [];
  const fail = (message: string): never => {
    throw new StatusError(
      'BadRequest',
      `${kind.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}: ${message}`,
    );
  };
  decodeValue(object, schema, '', new Walk(unknown, fail));
  const warnings = [...duplicates, ...unknown.map((path) => `unknown field "${path}"`)];
  if (validation === 'Ignore') return [];
  if (validation === 'Strict' && warnings.length > 0) fail(`strict decoding error: ${warnings.join(', ')}`);
  return warnings;
}

class Walk {
  readonly unknown: string[];
  readonly fail: (message: string) => never;

  constructor(unknown: string[], fail: (message: string) => never) {
    this.unknown = unknown;
    this.fail = fail;
  }

  /** As Go's encoding/json says it. */
  mismatch(value: unknown, path: string, type: string): never {
    const found = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
    return this.fail(`json: cannot unmarshal ${found} into Go struct field ${path || '.'} of type ${type}`);
  }
}

/** Returns the value to keep. */
function decodeValue(value: unknown, schema: Schema, path: string, walk: Walk): unknown {
  switch (schema.type) {
    case 'object':
      if (typeof value !== 'object' || Array.isArray(value)) {
        return walk.mismatch(value, path, schema.properties ? typeName(schema) : 'map[string]string');
      }
      if (schema.properties) decodeStruct(value as Record<string, unknown>, schema, path, walk);
      else if (schema.additionalProperties) {
        decodeMap(value as Record<string, unknown>, schema.additionalProperties, path, walk);
      }
      return value;
    case 'array':
      if (!Array.isArray(value)) return walk.mismatch(value, path, `[]${typeName(schema.items ?? {})}`);
      for (let i = 0; i < value.length; i += 1) {
        if (value[i] === null) value[i] = zero(schema.items);
        value[i] = decodeValue(value[i], schema.items ?? {}, `${path}[${i}]`, walk);
      }
      return value;
    case 'string':
      return decodeString(value, schema, path, walk);
    case 'integer':
      if (typeof value !== 'number') return walk.mismatch(value, path, schema.format ?? 'int64');
      if (!Number.isInteger(value) || !inRange(value, schema.format)) {
        return walk.fail(
          `json: cannot unmarshal number ${value} into Go struct field ${path} of type ${schema.format ?? 'int64'}`,
        );
      }
      return value;
    case 'number':
      return typeof value === 'number' ? value : walk.mismatch(value, path, 'float64');
    case 'boolean':
      return typeof value === 'boolean' ? value : walk.mismatch(value, path, 'bool');
    default:
      return value;
  }
}

function decodeStruct(object: Record<string, unknown>, schema: Schema, path: string, walk: Walk): void {
  const properties = schema.properties!;
  for (const name of Object.keys(object)) {
    const property = properties[name];
    const at = path === '' ? name : `${path}.${name}`;
    if (!property) {
      if (schema.preserveUnknown) continue;
      walk.unknown.push(at);
      delete object[name];
    } else if (object[name] === null && property.type !== undefined) {
      delete object[name];
    } else {
      object[name] = decodeValue(object[name], property, at, walk);
    }
  }
}

function decodeMap(map: Record<string, unknown>, values: Schema, path: string, walk: Walk): void {
  for (const key of Object.keys(map)) {
    const value = map[key] === null ? zero(values) : map[key];
    map[key] = decodeValue(value, values, `${path}.${key}`, walk);
  }
}

/** What Go leaves where the JSON says null. */
function zero(schema: Schema | undefined): unknown {
  switch (schema?.type) {
    case 'object':
      return {};
    case 'array':
      return [];
    case 'integer':
    case 'number':
      return 0;
    case 'boolean':
      return false;
    case 'string':
      return schema.format === 'quantity' ? '0' : '';
    default:
      return null;
  }
}

function inRange(value: number, format: string | undefined): boolean {
  return format === 'int32' ? value === (value | 0) : true;
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

function decodeString(value: unknown, schema: Schema, path: string, walk: Walk): unknown {
  switch (schema.format) {
    case 'int-or-string':
      if (typeof value === 'string' || (typeof value === 'number' && Number.isInteger(value))) return value;
      return walk.mismatch(value, path, 'intstr.IntOrString');
    case 'quantity': {
      if (typeof value !== 'string' && typeof value !== 'number') {
        return walk.mismatch(value, path, 'resource.Quantity');
      }
      return (
        canonicalQuantity(String(value)) ??
        walk.fail(
          `unable to parse quantity's suffix or number ${JSON.stringify(value)} at ${path}: quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'`,
        )
      );
    }
    case 'byte': {
      if (typeof value !== 'string') return walk.mismatch(value, path, '[]uint8');
      const text = /\s/.test(value) ? value.replaceAll(/[\r\n]/g, '') : value;
      if (BASE64.test(text)) return text;
      return walk.fail(
        `illegal base64 data at input byte ${/[A-Za-z0-9+/]*/.exec(text)![0].length} (field ${path})`,
      );
    }
    case 'date-time':
      if (typeof value !== 'string') return walk.mismatch(value, path, 'v1.Time');
      if (TIME.test(value) && !Number.isNaN(Date.parse(value))) return value;
      return walk.fail(
        `parsing time ${JSON.stringify(value)} as "2006-01-02T15:04:05Z07:00": cannot parse ${JSON.stringify(value)} (field ${path})`,
      );
    default:
      return typeof value === 'string' ? value : walk.mismatch(value, path, 'string');
  }
}

/** `v1.PodSpec`, as a Go type is called. */
function typeName(schema: Schema): string {
  if (schema.name) return schema.name.split('.').slice(-2).join('.');
  return schema.type === 'object'
    ? 'map[string]interface {}'
    : (schema.format ?? schema.type ?? 'interface {}');
}
