import { StatusError } from 'orlop/plugin';
import {
  isAtomicMap,
  isObject,
  type JsonObject,
  keyDefault,
  type ListRelation,
  listRelation,
  propertyOf,
  sameJson,
} from '../patch/shape.ts';
import type { Schema } from '../schemas/types.ts';
import { FieldSet } from './fieldset.ts';

/**
 * How structured merge takes a value apart: children by path element, or nothing (a leaf) for scalars and what is atomic.
 * Source: structured-merge-diff `typed`.
 */
export interface Parts {
  readonly kind: 'map' | 'list';
  readonly children: ReadonlyMap<string, { value: unknown; schema: Schema | undefined }>;
}

/** `undefined`: a leaf. Throws BadRequest for a list-map item without its keys. */
export function partsOf(value: unknown, schema: Schema | undefined): Parts | undefined {
  if (isObject(value)) {
    if (isAtomicMap(schema)) return undefined;
    const children = new Map<string, { value: unknown; schema: Schema | undefined }>();
    for (const key in value) {
      if (value[key] !== undefined)
        children.set(`f:${key}`, { value: value[key], schema: propertyOf(schema, key) });
    }
    return { kind: 'map', children };
  }
  if (!Array.isArray(value)) return undefined;
  const relation = listRelation(schema);
  if (relation.type === 'atomic') return undefined;
  const children = new Map<string, { value: unknown; schema: Schema | undefined }>();
  for (const item of value) {
    const element = elementOf(item, relation, schema?.items);
    // The first of duplicates stands for all of them.
    if (!children.has(element)) children.set(element, { value: item, schema: schema?.items });
  }
  return { kind: 'list', children };
}

export function elementOf(item: unknown, relation: ListRelation, items: Schema | undefined): string {
  if (relation.type !== 'map') return `v:${JSON.stringify(item)}`;
  if (!isObject(item)) throw new StatusError('BadRequest', 'an item of a list with keys is not an object');
  const keys: JsonObject = {};
  for (const key of [...relation.keys].sort()) {
    const value = item[key] ?? keyDefault(items, key);
    if (value !== undefined) keys[key] = value;
  }
  if (Object.keys(keys).length === 0) {
    throw new StatusError(
      'BadRequest',
      `associative list with keys has an element that omits key field "${relation.keys[0]}"`,
    );
  }
  return `k:${JSON.stringify(keys)}`;
}

/** Every field that `value` sets. */
export function fieldsOf(
  value: unknown,
  schema: Schema | undefined,
  into: FieldSet = new FieldSet(),
): FieldSet {
  const parts = partsOf(value, schema);
  if (!parts) return into;
  for (const [element, child] of parts.children) {
    const below = partsOf(child.value, child.schema);
    if (below) {
      fieldsOf(child.value, child.schema, into.child(element));
      into.prune(element);
    }
    if (ownsItself(parts.kind, below, child.value)) into.members.add(element);
  }
  return into;
}

/** Leaves, empty maps and list items are paths of their own; structs and lists are only led through. */
function ownsItself(parent: Parts['kind'], parts: Parts | undefined, value: unknown): boolean {
  if (!parts || parent === 'list') return true;
  return parts.kind === 'map' && Object.keys(value as object).length === 0;
}

/** What changed between two states: fields only in `next`, fields whose value differs, fields only in `old`. */
export interface Comparison {
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}

export function compare(old: unknown, next: unknown, schema: Schema | undefined): Comparison {
  const result = { added: new FieldSet(), modified: new FieldSet(), removed: new FieldSet() };
  compareInto(old, next, schema, result);
  return result;
}

function compareInto(old: unknown, next: unknown, schema: Schema | undefined, into: Comparison): void {
  const before = partsOf(old, schema)?.children;
  const after = partsOf(next, schema)?.children;
  for (const [element, child] of after ?? []) {
    const was = before?.get(element);
    if (!was) collect(element, child, into.added);
    else if (was.value === child.value) continue;
    else if (partsOf(was.value, child.schema) && partsOf(child.value, child.schema)) {
      const below = {
        added: into.added.child(element),
        modified: into.modified.child(element),
        removed: into.removed.child(element),
      };
      compareInto(was.value, child.value, child.schema, below);
      for (const set of [into.added, into.modified, into.removed]) set.prune(element);
    } else if (!sameJson(was.value, child.value)) into.modified.members.add(element);
  }
  for (const [element, child] of before ?? [])
    if (!after?.has(element)) collect(element, child, into.removed);
}

function collect(
  element: string,
  child: { value: unknown; schema: Schema | undefined },
  into: FieldSet,
): void {
  into.members.add(element);
  if (!partsOf(child.value, child.schema)) return;
  fieldsOf(child.value, child.schema, into.child(element));
  into.prune(element);
}

/** `live` with everything `config` sets; shares what `config` leaves alone with `live`. */
export function mergeTyped(live: unknown, config: unknown, schema: Schema | undefined): unknown {
  const ours = partsOf(config, schema);
  if (!ours) return config;
  const theirs = partsOf(live, schema);
  if (!theirs || theirs.kind !== ours.kind) return mergeTyped(ours.kind === 'map' ? {} : [], config, schema);
  if (ours.kind === 'map') {
    const result: JsonObject = { ...(live as JsonObject) };
    for (const [element, child] of ours.children) {
      const name = element.slice(2);
      result[name] = Object.hasOwn(result, name)
        ? mergeTyped(result[name], child.value, child.schema)
        : child.value;
    }
    return result;
  }
  return mergeItems(theirs, ours);
}

/** The applied order wins; items that only the server has stay before the next shared one, if they were. Source: `mergeListItems`. */
function mergeItems(theirs: Parts, ours: Parts): unknown[] {
  const result: unknown[] = [];
  const left = [...theirs.children];
  const shared = [...ours.children.keys()].filter((element) => theirs.children.has(element));
  let next = 0;
  const takeServerOnly = (): void => {
    for (; next < left.length && left[next]![0] !== shared[0]; next += 1) {
      const [element, child] = left[next]!;
      if (!ours.children.has(element)) result.push(child.value);
    }
  };
  for (const [element, child] of ours.children) {
    takeServerOnly();
    const their = theirs.children.get(element);
    result.push(their ? mergeTyped(their.value, child.value, child.schema) : child.value);
    if (element === shared[0]) {
      shared.shift();
      next += 1;
    }
  }
  takeServerOnly();
  return result;
}

/**
 * `value` without what `last` owned and nobody in `kept` owns any more. Keys of list items that stay are kept.
 * Source: structured-merge-diff `merge.Updater.prune`.
 */
export function removeOwned(
  value: unknown,
  schema: Schema | undefined,
  last: FieldSet,
  kept: FieldSet,
): unknown {
  const parts = partsOf(value, schema);
  if (!parts) return value;
  const result = new Map<string, unknown>();
  for (const [element, child] of parts.children) {
    if (owns(last, element) && !owns(kept, element)) continue;
    const below = last.children.get(element);
    const keptBelow = kept.children.get(element) ?? new FieldSet();
    result.set(element, below ? removeOwned(child.value, child.schema, below, keptBelow) : child.value);
  }
  if (parts.kind === 'map') {
    return Object.fromEntries([...result].map(([element, child]) => [element.slice(2), child]));
  }
  return [...result].map(([element, child]) =>
    element.startsWith('k:') && isObject(child)
      ? withKeys(child, element, parts.children.get(element)!.value)
      : child,
  );
}

function withKeys(item: JsonObject, element: string, original: unknown): JsonObject {
  const keys: JsonObject = {};
  for (const key of Object.keys(JSON.parse(element.slice(2)) as object)) {
    const value = (original as JsonObject)[key];
    if (value !== undefined && item[key] === undefined) keys[key] = value;
  }
  return { ...keys, ...item };
}

/** A named field counts as owned when anything below it is; a list item only by itself. */
function owns(set: FieldSet, element: string): boolean {
  return set.members.has(element) || (element.startsWith('f:') && set.children.has(element));
}
