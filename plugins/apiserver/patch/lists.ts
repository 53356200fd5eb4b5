import { StatusError } from 'orlop/plugin';
import { isObject, type JsonObject, sameJson } from './shape.ts';

type MergeItem = (item: JsonObject, change: JsonObject) => JsonObject;

/** Merges a list of objects by `key`; items may carry `$patch: delete`, and one `$patch: replace` stands for the whole list. */
export function mergeList(
  original: readonly unknown[],
  patch: readonly unknown[],
  key: string,
  merge: MergeItem,
): unknown[] {
  const changes = patch.map((item) => {
    if (isObject(item)) return item;
    throw bad(`a list merged by "${key}" holds objects only`);
  });
  if (changes.some((item) => item['$patch'] === 'replace')) {
    return changes.filter((item) => item['$patch'] === undefined).map((item) => merge({}, item));
  }
  let result = [...original];
  for (const change of changes) {
    const id = change[key];
    if (id === undefined) throw bad(`an item of a list merged by "${key}" does not have it`);
    if (change['$patch'] === 'delete') {
      result = result.filter((item) => !isObject(item) || !sameJson(item[key], id));
      continue;
    }
    const index = result.findIndex((item) => isObject(item) && sameJson(item[key], id));
    if (index < 0) result.push(merge({}, change));
    else result[index] = merge(result[index] as JsonObject, change);
  }
  return result;
}

export function mergePrimitives(original: readonly unknown[], patch: readonly unknown[]): unknown[] {
  return [...new Set([...original, ...patch])];
}

/**
 * Puts a merged list into the order of a `$setElementOrder`. What only the server has keeps its place relative to the
 * others in `original` as well as that can be. Source: strategicpatch `normalizeElementOrder`, `mergeSortedSlice`.
 */
export function orderLike(
  merged: readonly unknown[],
  original: readonly unknown[],
  order: readonly unknown[],
  key: string | undefined,
): unknown[] {
  const id = (item: unknown): string => JSON.stringify(isObject(item) && key ? item[key] : item);
  const rank = new Map(order.map((item, index) => [id(item), index]));
  const place = new Map(original.map((item, index) => [id(item), index]));
  const ordered = merged
    .filter((item) => rank.has(id(item)))
    .sort((left, right) => rank.get(id(left))! - rank.get(id(right))!);
  const serverOnly = merged.filter((item) => !rank.has(id(item)));
  const result: unknown[] = [];
  let next = 0;
  for (const item of ordered) {
    const at = place.get(id(item));
    while (next < serverOnly.length && at !== undefined) {
      const before = place.get(id(serverOnly[next]));
      if (before === undefined || before >= at) break;
      result.push(serverOnly[next]);
      next += 1;
    }
    result.push(item);
  }
  return [...result, ...serverOnly.slice(next)];
}

function bad(message: string): StatusError {
  return new StatusError('BadRequest', `the strategic merge patch is not valid: ${message}`);
}
