import type { Schema } from '../schemas/types.ts';

export type JsonObject = Record<string, unknown>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A map without a prototype, so that a key named `__proto__` is a key. */
export function emptyObject(): JsonObject {
  return Object.create(null) as JsonObject;
}

/** The schema of one property of a struct or map; `undefined` when nothing is known of it. */
export function propertyOf(schema: Schema | undefined, name: string): Schema | undefined {
  const properties = schema?.properties;
  if (properties && Object.hasOwn(properties, name)) return properties[name];
  return schema?.additionalProperties;
}

/** How server-side apply sees a list. Lists of unknown shape are atomic. Source: structured-merge-diff `schema.List`. */
export type ListRelation = { type: 'atomic' } | { type: 'set' } | { type: 'map'; keys: readonly string[] };

const ATOMIC: ListRelation = { type: 'atomic' };
const SET: ListRelation = { type: 'set' };

export function listRelation(schema: Schema | undefined): ListRelation {
  if (!schema || schema.listType === 'atomic') return ATOMIC;
  if (schema.listType === 'set') return SET;
  if (schema.listMapKeys && schema.listMapKeys.length > 0) return { type: 'map', keys: schema.listMapKeys };
  if (schema.patchMergeKey) return { type: 'map', keys: [schema.patchMergeKey] };
  if (schema.patchStrategy?.includes('merge') && schema.items?.type !== 'object') return SET;
  return ATOMIC;
}

/** A map or struct that is owned as a whole, or of which nothing is known. */
export function isAtomicMap(schema: Schema | undefined): boolean {
  if (!schema || schema.mapType === 'atomic') return true;
  return !schema.properties && !schema.additionalProperties && !schema.preserveUnknown;
}

/** A list-map key that an item leaves out counts as its default: `protocol` of a port is TCP. */
export function keyDefault(items: Schema | undefined, key: string): unknown {
  const schema = propertyOf(items, key);
  if (schema?.default !== undefined) return schema.default;
  return key === 'protocol' ? 'TCP' : undefined;
}

/** Deep equality of JSON values; an absent property equals an undefined one. */
export function sameJson(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (Array.isArray(left)) {
    return (
      Array.isArray(right) &&
      left.length === right.length &&
      left.every((value, index) => sameJson(value, right[index]))
    );
  }
  if (!isObject(left) || !isObject(right)) return false;
  for (const key in left) if (!sameJson(left[key], right[key])) return false;
  for (const key in right) if (right[key] !== undefined && left[key] === undefined) return false;
  return true;
}
