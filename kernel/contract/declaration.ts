import { nearestOf } from './config.ts';
import { StatusError } from './errors.ts';
import { deepFreeze } from './frozen.ts';
import { memoryLimitProblem } from './isolation.ts';
import type { Grants, JsonSchema, PluginDeclaration } from './plugin.ts';

const NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const KIND = /^[a-z][a-z0-9-]*\.v[1-9][0-9]*$/;

type Keys<T> = Readonly<Record<keyof Required<T>, true>>;

const FIELDS: Keys<PluginDeclaration> = {
  name: true,
  kind: true,
  version: true,
  description: true,
  config: true,
  requires: true,
  provides: true,
  grants: true,
  singleton: true,
  required: true,
  isolation: true,
  start: true,
};
const GRANTS: Keys<Grants> = {
  objects: true,
  publish: true,
  subscribe: true,
  blobs: true,
  impersonate: true,
  host: true,
};
const VERBS = ['get', 'list', 'watch', 'create', 'update', 'delete'];
const BLOBS = ['read', 'write'];
const HOST = ['net', 'exec', 'docker', 'files'];
const SCHEMA: Keys<JsonSchema> = {
  type: true,
  description: true,
  properties: true,
  required: true,
  items: true,
  enum: true,
  default: true,
  minimum: true,
  maximum: true,
  pattern: true,
  additionalProperties: true,
};

/**
 * The declaration, if it is one, as it is now: what its module does to it later changes nothing. Throws `Invalid` with all that is wrong with
 * it. `origin`: where it was found.
 */
export function checkDeclaration(given: unknown, origin: string): PluginDeclaration {
  if (!isObject(given) || !['name', 'kind', 'start'].some((key) => key in given)) {
    throw new StatusError(
      'Invalid',
      `${origin} has no plugin declaration: export default definePlugin({ ... })`,
    );
  }
  const problems = new Problems();
  const expect = problems.expect.bind(problems);
  problems.known(given, FIELDS, '');
  const declaration = copyOf(given, origin);
  const { name, kind, version, description, config, grants, isolation = 'inline', start } = declaration;
  expect(matches(name, NAME), `name ${show(name)} must be a lower-case DNS label`);
  expect(matches(kind, KIND), `kind ${show(kind)} must be versioned, e.g. "scheduler.v1"`);
  for (const [key, value] of Object.entries({ version, description })) {
    expect(typeof value === 'string' && value !== '', `${key} must be a string, not ${show(value)}`);
  }
  expect(typeof start === 'function', 'start must be a function');
  for (const key of ['singleton', 'required'] as const) {
    const value = declaration[key];
    expect(value === undefined || typeof value === 'boolean', `${key} must be true or false`);
  }
  checkTokens(declaration, expect);
  if (grants !== undefined) checkGrants(grants, problems);
  if (config !== undefined) checkSchema(config, 'config', problems);
  checkIsolation(isolation, expect);
  if (problems.found.length === 0) return declaration as unknown as PluginDeclaration;
  const who = typeof name === 'string' ? `plugin ${show(name)}` : origin;
  throw new StatusError('Invalid', `${who} is declared wrongly: ${problems.found.join('; ')}`);
}

/** Of its fields: data, and `start`. */
function copyOf({ start, ...given }: Fields, origin: string): Fields {
  const data = Object.fromEntries(Object.entries(given).filter(([key]) => Object.hasOwn(FIELDS, key)));
  try {
    return Object.freeze({ ...deepFreeze(structuredClone(data)), ...(start === undefined ? {} : { start }) });
  } catch (error) {
    const text = `${origin} is declared wrongly: all but start must be data: ${(error as Error).message}`;
    throw new StatusError('Invalid', text);
  }
}

type Fields = Readonly<Record<string, unknown>>;
type Expect = (ok: boolean, message: string) => void;

class Problems {
  readonly found: string[] = [];

  expect(ok: boolean, message: string): void {
    if (!ok) this.found.push(message);
  }

  known(given: Fields, keys: Fields, at: string): void {
    for (const key of Object.keys(given)) {
      const nearest = nearestOf(key, Object.keys(keys));
      this.expect(Object.hasOwn(keys, key), `unknown key "${at}${key}"; did you mean "${nearest}"?`);
    }
  }
}

function checkTokens({ requires = {}, provides = [] }: Fields, expect: Expect): void {
  expect(isObject(requires), 'requires must be an object: { key: TOKEN }');
  for (const [key, requirement] of Object.entries(isObject(requires) ? requires : {})) {
    const token = isObject(requirement) && 'optional' in requirement ? requirement['optional'] : requirement;
    expect(isToken(token), `requires.${key} must be a service token, not ${show(token)}`);
  }
  expect(Array.isArray(provides), 'provides must be a list of service tokens');
  for (const token of Array.isArray(provides) ? provides : []) {
    expect(isToken(token), `provides must list service tokens, not ${show(token)}`);
  }
}

function checkGrants(grants: unknown, problems: Problems): void {
  const expect = problems.expect.bind(problems);
  expect(isObject(grants), 'grants must be an object: { objects, publish, ... }');
  if (!isObject(grants)) return;
  problems.known(grants, GRANTS, 'grants.');
  const { objects = [], publish = [], subscribe = [], blobs = [], impersonate = false, host = [] } = grants;
  for (const each of Array.isArray(objects) ? objects : [objects]) {
    const { resource, verbs } = (isObject(each) ? each : {}) as Fields;
    const isResource = resource === '*' || (isObject(resource) && typeof resource['resource'] === 'string');
    expect(isResource, `grants.objects: resource must be a Resource or "*", not ${show(resource)}`);
    expect(verbs === '*' || isListOf(verbs, VERBS), `grants.objects: verbs must be "*" or ${some(VERBS)}`);
  }
  for (const [key, subjects] of Object.entries({ publish, subscribe })) {
    expect(isListOf(subjects), `grants.${key} must be a list of NATS subjects`);
  }
  expect(isListOf(blobs, BLOBS), `grants.blobs must be ${some(BLOBS)}`);
  expect(typeof impersonate === 'boolean', 'grants.impersonate must be true or false');
  expect(isListOf(host, HOST), `grants.host must be ${some(HOST)}`);
}

/** At every level: a keyword that is not looked at would be a condition nobody checks. */
function checkSchema(schema: unknown, at: string, problems: Problems): void {
  problems.expect(isObject(schema), `${at} must be a JSON Schema`);
  if (!isObject(schema)) return;
  problems.known(schema, SCHEMA, `${at}.`);
  const { type, properties = {}, items, additionalProperties } = schema;
  if (at === 'config') problems.expect(type === 'object', 'config.type must be "object"');
  for (const [key, each] of Object.entries(isObject(properties) ? properties : {})) {
    checkSchema(each, `${at}.${key}`, problems);
  }
  if (items !== undefined) checkSchema(items, `${at}.items`, problems);
  if (isObject(additionalProperties)) checkSchema(additionalProperties, `${at}.*`, problems);
}

function checkIsolation(isolation: unknown, expect: Expect): void {
  if (!isObject(isolation)) {
    expect(
      isolation === 'inline' || isolation === 'process',
      'isolation must be "inline" or { worker: NAME }',
    );
    return;
  }
  const { worker, memory } = isolation;
  expect(matches(worker, NAME), `isolation.worker ${show(worker)} must be a lower-case DNS label`);
  if (memory === undefined) return;
  const problem = typeof memory === 'string' ? memoryLimitProblem(memory) : 'must be a string, e.g. "128Mi"';
  expect(problem === undefined, `isolation.memory ${problem}`);
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isToken(token: unknown): boolean {
  return isObject(token) && matches(token['kind'], KIND) && typeof token['many'] === 'boolean';
}

function isListOf(value: unknown, allowed?: readonly string[]): boolean {
  const fits = (each: unknown): boolean =>
    typeof each === 'string' && (allowed === undefined || allowed.includes(each));
  return Array.isArray(value) && value.every(fits);
}

function matches(value: unknown, pattern: RegExp): boolean {
  return typeof value === 'string' && pattern.test(value);
}

function some(all: readonly string[]): string {
  return `a list of some of ${all.join(', ')}`;
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? String(value);
}
