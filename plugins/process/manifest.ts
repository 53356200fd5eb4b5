import {
  type AdmissionRule,
  type Grants,
  type JsonSchema,
  memoryLimitProblem,
  rulesProblems,
  StatusError,
  type Verb,
} from 'orlop/plugin';
import { parse } from 'yaml';
import { resourceOf } from './resources.ts';

/** A plugin in another process, as its manifest describes it; the file is JSON or YAML. */
export interface Manifest {
  name: string;
  kind: string;
  version: string;
  description: string;
  config?: JsonSchema;
  grants: Grants;
  singleton?: boolean;
  required?: boolean;
  /** The names its service goes by, of a kind of which there may be many; default: the plugin's. */
  provides: string[];
  run: Running;
  /** Environment variables beyond the few that every child gets. */
  environment: Record<string, string>;
  /** Milliseconds a call may take. */
  timeout?: number;
  /** Its limit, a quantity. */
  memory?: string | undefined;
  /** `admission.v1`: the requests that it is to admit. */
  rules?: AdmissionRule[];
  /** `authorizer.v1`: how long it is not asked again. */
  authorizedTTLSeconds?: number;
  unauthorizedTTLSeconds?: number;
}

/** How it is reached: a program that is started, a WebAssembly component in a child of its own, or a remote one on the bus. */
export type Running =
  | { command: readonly string[] }
  | { component: string }
  /** The subject its subjects begin with. */
  | { remote: string };

const KEYS: Readonly<Record<string, 'string' | 'object' | 'boolean' | 'number'>> = {
  name: 'string',
  kind: 'string',
  version: 'string',
  description: 'string',
  config: 'object',
  grants: 'object',
  singleton: 'boolean',
  required: 'boolean',
  provides: 'object',
  command: 'object',
  component: 'string',
  remote: 'string',
  environment: 'object',
  timeoutSeconds: 'number',
  memory: 'string',
  rules: 'object',
  authorizedTTLSeconds: 'number',
  unauthorizedTTLSeconds: 'number',
};
/** Keys that mean something to one kind only. */
const KIND_OF: Readonly<Record<string, string>> = {
  rules: 'admission.v1',
  authorizedTTLSeconds: 'authorizer.v1',
  unauthorizedTTLSeconds: 'authorizer.v1',
};
const BLOBS = ['read', 'write'];
const VERBS: readonly Verb[] = ['get', 'list', 'watch', 'create', 'update', 'delete'];

type Raw = Record<string, unknown>;

/** Throws `Invalid` with everything that is wrong. `file` is named in it. What any declaration must be is left to the host. */
export function parseManifest(text: string, file: string): Manifest {
  let raw: unknown;
  try {
    raw = parse(text);
  } catch (error) {
    throw new StatusError(
      'Invalid',
      `${file} is neither JSON nor YAML: ${(error as Error).message.split('\n')[0]}`,
    );
  }
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw))
    throw new StatusError('Invalid', `${file} is no plugin manifest: it must be an object`);
  const given = raw as Raw;
  const problems: string[] = [];
  for (const [key, value] of Object.entries(given)) {
    const type = KEYS[key];
    if (type === undefined) problems.push(`unknown key ${key}; there are ${Object.keys(KEYS).join(', ')}`);
    else if (typeof value !== type || value === null)
      problems.push(`${key} must be ${type === 'object' ? 'an' : 'a'} ${type}`);
  }
  for (const key of ['provides', 'command']) {
    if (given[key] !== undefined && !isStrings(given[key])) problems.push(`${key} must be a list of strings`);
  }
  const { environment = {} } = given as { environment?: object };
  if (typeof environment === 'object' && !isStrings(Object.values(environment)))
    problems.push('environment must have strings for values');
  const ways = ['command', 'component', 'remote'].filter((key) => given[key] !== undefined);
  if (ways.length !== 1) problems.push('it must have one of command, component and remote');
  if (isStrings(given['command']) && given['command'].length === 0)
    problems.push('command must name a program');
  const { memory } = given;
  const problem = typeof memory === 'string' ? memoryLimitProblem(memory) : undefined;
  if (problem) problems.push(`memory ${problem}`);
  if (memory !== undefined && 'remote' in given)
    problems.push('memory is for what runs here, and remote runs elsewhere');
  for (const [key, kind] of Object.entries(KIND_OF))
    if (key in given && given['kind'] !== kind) problems.push(`${key} is for plugins of kind ${kind}`);
  if (given['kind'] === KIND_OF['rules']) problems.push(...rulesProblems(given['rules']));
  for (const key of ['timeoutSeconds', 'authorizedTTLSeconds', 'unauthorizedTTLSeconds'])
    if (Number(given[key] ?? 0) < 0) problems.push(`${key} must not be negative`);
  const grants = problems.length > 0 ? {} : grantsOf(given['grants'] as Raw | undefined, problems);
  if (problems.length > 0) throw new StatusError('Invalid', `${file}: ${problems.join('; ')}`);
  const { command: _c, component: _w, remote: _r, timeoutSeconds, provides, ...rest } = given;
  return {
    ...(rest as unknown as Manifest),
    grants,
    provides: (provides as string[] | undefined) ?? [String(given['name'])],
    environment: environment as Record<string, string>,
    run: { [ways[0]!]: given[ways[0]!] } as unknown as Running,
    ...(timeoutSeconds === undefined ? {} : { timeout: (timeoutSeconds as number) * 1_000 }),
  };
}

function grantsOf(given: Raw = {}, problems: string[]): Grants {
  const { objects = [], publish = [], subscribe = [], blobs = [], ...unknown } = given;
  for (const key of Object.keys(unknown))
    problems.push(`unknown key grants.${key}; there are objects, publish, subscribe, blobs`);
  for (const [key, value] of Object.entries({ publish, subscribe }))
    if (!isStrings(value)) problems.push(`grants.${key} must be a list of subjects`);
  if (!isStrings(blobs) || !blobs.every((each) => BLOBS.includes(each)))
    problems.push(`grants.blobs must be a list of some of ${BLOBS.join(', ')}`);
  const granted: NonNullable<Grants['objects']> = [];
  if (!Array.isArray(objects)) problems.push('grants.objects must be a list');
  else
    for (const each of objects as Raw[]) {
      const { resource, verbs } = each ?? {};
      const isKnown =
        verbs === '*' || (isStrings(verbs) && verbs.every((verb) => VERBS.includes(verb as Verb)));
      if (!isKnown) problems.push(`grants.objects: verbs must be "*" or some of ${VERBS.join(', ')}`);
      try {
        granted.push({ resource: resource === '*' ? '*' : resourceOf(resource), verbs: verbs as Verb[] });
      } catch (error) {
        problems.push(`grants.objects: ${(error as Error).message}`);
      }
    }
  return {
    objects: granted,
    publish: publish as string[],
    subscribe: subscribe as string[],
    blobs: blobs as ('read' | 'write')[],
  };
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}
