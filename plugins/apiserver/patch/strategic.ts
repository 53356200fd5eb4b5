import { StatusError } from 'orlop/plugin';
import type { Schema } from '../schemas/types.ts';
import { mergeList, mergePrimitives, orderLike } from './lists.ts';
import { isObject, type JsonObject, propertyOf, sameJson } from './shape.ts';

const DIRECTIVE = '$patch';
const RETAIN_KEYS = '$retainKeys';
const DELETE_FROM = '$deleteFromPrimitiveList/';
const ORDER = '$setElementOrder/';

/**
 * Strategic merge patch. Returns the result; shares what the patch leaves alone with `target`. Throws BadRequest.
 * Source: apimachinery `util/strategicpatch/patch.go`, `mergeMap`.
 */
export function strategicMergePatch(
  target: JsonObject,
  patch: JsonObject,
  schema: Schema | undefined,
): JsonObject {
  const directive = patch[DIRECTIVE];
  if (directive === 'replace') return withoutDirectives({ ...patch, [DIRECTIVE]: undefined }) as JsonObject;
  if (directive === 'delete') return {};
  if (directive !== undefined && directive !== 'merge') {
    throw bad(`unknown patch type found: ${JSON.stringify(directive)}`);
  }
  const result = retainKeys({ ...target }, patch);
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith(DELETE_FROM)) deleteFrom(result, key.slice(DELETE_FROM.length), value);
  }
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith('$')) continue;
    if (value === null) {
      delete result[key];
      continue;
    }
    const field = propertyOf(schema, key);
    const order = patch[ORDER + key];
    result[key] = mergeValue(result[key], value, field, order);
  }
  for (const [key, order] of Object.entries(patch)) {
    if (!key.startsWith(ORDER)) continue;
    const name = key.slice(ORDER.length);
    const list = result[name];
    if (!Array.isArray(order)) throw bad(`${key} must be a list`);
    if (name in patch || !Array.isArray(list)) continue;
    result[name] = orderLike(list, list, order, propertyOf(schema, name)?.patchMergeKey);
  }
  return result;
}

function mergeValue(target: unknown, patch: unknown, field: Schema | undefined, order: unknown): unknown {
  const strategies = (field?.patchStrategy ?? '').split(',');
  if (isObject(patch)) {
    // Of a map nothing is known about, the keys merge all the same.
    const from = isObject(target) && !strategies.includes('replace') ? target : {};
    return strategicMergePatch(from, patch, field);
  }
  if (!Array.isArray(patch)) return patch;
  if (!strategies.includes('merge')) return withoutDirectives(patch);
  const original = Array.isArray(target) ? target : [];
  const key = field?.patchMergeKey;
  const isListOfObjects = [...original, ...patch].some(isObject);
  if (isListOfObjects && key === undefined) return withoutDirectives(patch);
  const merged = isListOfObjects
    ? mergeList(original, patch, key!, (item, change) => strategicMergePatch(item, change, field?.items))
    : mergePrimitives(original, patch);
  if (order === undefined) return merged;
  if (!Array.isArray(order)) throw bad('$setElementOrder must be a list');
  return orderLike(merged, original, order, key);
}

function retainKeys(target: JsonObject, patch: JsonObject): JsonObject {
  const keys = patch[RETAIN_KEYS];
  if (keys === undefined) return target;
  if (!Array.isArray(keys)) throw bad(`${RETAIN_KEYS} must be a list of field names`);
  for (const key of Object.keys(patch)) {
    if (!key.startsWith('$') && patch[key] !== null && !keys.includes(key)) {
      throw bad(`the field ${key} is in the patch but not in its ${RETAIN_KEYS} list`);
    }
  }
  return Object.fromEntries(Object.entries(target).filter(([key]) => keys.includes(key)));
}

function deleteFrom(result: JsonObject, name: string, values: unknown): void {
  if (!Array.isArray(values)) throw bad(`${DELETE_FROM}${name} must be a list`);
  const list = result[name];
  if (!Array.isArray(list)) return;
  result[name] = list.filter((item) => !values.some((value) => sameJson(item, value)));
}

/** What a patch adds whole: without its directives, and without the nulls that delete nothing there. */
export function withoutDirectives(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.filter((item) => !isObject(item) || item[DIRECTIVE] === undefined).map(withoutDirectives);
  }
  if (!isObject(value)) return value;
  const result: JsonObject = {};
  for (const [key, child] of Object.entries(value)) {
    if (key.startsWith('$') && isDirective(key)) continue;
    if (child !== null && child !== undefined) result[key] = withoutDirectives(child);
  }
  return result;
}

function isDirective(key: string): boolean {
  return key === DIRECTIVE || key === RETAIN_KEYS || key.startsWith(DELETE_FROM) || key.startsWith(ORDER);
}

function bad(message: string): StatusError {
  return new StatusError('BadRequest', `the strategic merge patch is not valid: ${message}`);
}
