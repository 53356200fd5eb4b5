import type { Json } from './bus.ts';
import { StatusError } from './errors.ts';
import type { JsonSchema } from './plugin.ts';

type JsonObject = { [key: string]: Json };

/**
 * A plugin's configuration: `value` checked against `schema`, with defaults filled in at every level. Throws `Invalid` with one cause per
 * problem; an unknown key is refused and its nearest known key named.
 */
export function resolveConfig(schema: JsonSchema | undefined, value: object, plugin: string): JsonObject {
  const problems: { field: string; message: string }[] = [];
  const given = structuredClone(value) as Json;
  const config = check({ type: 'object', ...schema }, given, '', problems) as JsonObject;
  if (problems.length === 0) return config;
  const text = problems.map(({ field, message }) => `${field || 'config'}: ${message}`).join('; ');
  throw new StatusError('Invalid', `configuration of plugin "${plugin}" is invalid: ${text}`, {
    name: plugin,
    kind: 'Plugin',
    causes: problems.map(({ field, message }) => ({ reason: 'FieldValueInvalid', message, field })),
  });
}

function check(
  schema: JsonSchema,
  value: Json | undefined,
  field: string,
  problems: { field: string; message: string }[],
): Json | undefined {
  const report = (message: string, at = field): void => void problems.push({ field: at, message });
  if (value === undefined) {
    if (schema.default === undefined) return undefined;
    value = structuredClone(schema.default);
  }
  if (schema.type !== undefined && !hasType(value, schema.type)) {
    report(`must be ${article(schema.type)}, not ${JSON.stringify(value)}`);
    return value;
  }
  if (schema.enum && !schema.enum.some((each) => JSON.stringify(each) === JSON.stringify(value))) {
    report(`must be one of ${schema.enum.map((each) => JSON.stringify(each)).join(', ')}`);
  }
  if (typeof value === 'number') {
    if (schema.minimum !== undefined && value < schema.minimum) report(`must be at least ${schema.minimum}`);
    if (schema.maximum !== undefined && value > schema.maximum) report(`must be at most ${schema.maximum}`);
  }
  if (typeof value === 'string' && schema.pattern && !new RegExp(schema.pattern, 'u').test(value)) {
    report(`must match ${schema.pattern}`);
  }
  if (Array.isArray(value)) {
    const { items } = schema;
    return items ? value.map((each, i) => check(items, each, `${field}[${i}]`, problems)!) : value;
  }
  if (isObject(value)) return checkObject(schema, value, field, problems, report);
  return value;
}

function checkObject(
  schema: JsonSchema,
  value: JsonObject,
  field: string,
  problems: { field: string; message: string }[],
  report: (message: string, at?: string) => void,
): JsonObject {
  const properties = schema.properties ?? {};
  const known = Object.keys(properties);
  const at = (key: string): string => (field === '' ? key : `${field}.${key}`);
  const result: JsonObject = {};
  for (const key of known) {
    const checked = check(properties[key]!, value[key], at(key), problems);
    if (checked !== undefined) result[key] = checked;
    else if (schema.required?.includes(key)) report('is required', at(key));
  }
  for (const [key, each] of Object.entries(value)) {
    if (Object.hasOwn(properties, key)) continue;
    const additional = schema.additionalProperties ?? false;
    if (additional === false) {
      const nearest = nearestOf(key, known);
      report(`unknown key${nearest === undefined ? '' : `; did you mean "${nearest}"?`}`, at(key));
    } else {
      result[key] = additional === true ? each : check(additional, each, at(key), problems)!;
    }
  }
  return result;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function hasType(value: Json, type: NonNullable<JsonSchema['type']>): boolean {
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return isObject(value);
  if (type === 'integer') return Number.isInteger(value);
  return typeof value === type;
}

function article(type: string): string {
  return /^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`;
}

/** The candidate fewest edits away from `text`; none when there are no candidates. */
export function nearestOf(text: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let fewest = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const distance = editDistance(text.toLowerCase(), candidate.toLowerCase());
    if (distance < fewest) [best, fewest] = [candidate, distance];
  }
  return best;
}

/** Levenshtein's distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + cost));
    }
    row = next;
  }
  return row[b.length]!;
}
