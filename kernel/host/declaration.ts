import { createRequire } from 'node:module';
import { isAbsolute, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Isolation, type Json, type PluginDeclaration, StatusError } from '../contract/index.ts';
import { resolveConfig } from './config.ts';

/** Names a plugin to run: where its module is, and what differs from its defaults. */
export interface PluginEntry {
  /** A `file:` URL, a path (absolute, or relative to the working folder), or a package; its default export is the declaration. */
  module: string;
  config?: object;
  isolation?: Isolation;
}

/** What may be given where a plugin is to be run; a declaration as such cannot run in a worker. */
export type PluginSource = PluginEntry | PluginDeclaration;

/** A plugin ready to be started: its declaration is valid, its configuration complete. */
export interface LoadedPlugin {
  readonly declaration: PluginDeclaration;
  readonly config: { [key: string]: Json };
  readonly isolation: Isolation;
  /** Absent when it was given as a declaration. */
  readonly entry?: PluginEntry;
}

/** Imports and checks a plugin. `overrides` win over the entry's own configuration. Throws `Invalid` or `NotFound`. */
export async function loadPlugin(
  source: PluginSource,
  overrides?: (name: string) => object | undefined,
): Promise<LoadedPlugin> {
  const entry = 'module' in source ? source : undefined;
  const declaration = entry ? await importDeclaration(entry.module) : (source as PluginDeclaration);
  const { name } = checkDeclaration(declaration, entry?.module ?? 'a declaration');
  const config = resolveConfig(declaration.config, { ...entry?.config, ...overrides?.(name) }, name);
  const isolation = entry?.isolation ?? declaration.isolation ?? 'inline';
  return { declaration, config, isolation, ...(entry ? { entry } : {}) };
}

async function importDeclaration(module: string): Promise<PluginDeclaration> {
  try {
    return ((await import(specifier(module))) as { default: PluginDeclaration }).default;
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND' ? 'NotFound' : 'Invalid';
    throw new StatusError(
      reason,
      `cannot load plugin module ${module}: ${(error as Error).message}`,
      {},
      { cause: error },
    );
  }
}

/** What `import` takes. A package is looked up from the working folder first, where `npm install` put it. */
function specifier(module: string): string {
  if (/^(file|data|node):/.test(module)) return module;
  if (isAbsolute(module) || module.startsWith('.')) return pathToFileURL(resolve(module)).href;
  try {
    return pathToFileURL(createRequire(join(process.cwd(), 'package.json')).resolve(module)).href;
  } catch {
    return module;
  }
}

const NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const KIND = /^[a-z][a-z0-9-]*\.v[1-9][0-9]*$/;

function checkDeclaration(declaration: PluginDeclaration | undefined, origin: string): PluginDeclaration {
  const problems: string[] = [];
  const expect = (ok: boolean, message: string): void => {
    if (!ok) problems.push(message);
  };
  if (typeof declaration !== 'object' || declaration === null) {
    throw new StatusError(
      'Invalid',
      `${origin} has no plugin declaration: export default definePlugin({ ... })`,
    );
  }
  const {
    name,
    kind,
    version,
    description,
    requires = {},
    provides = [],
    isolation = 'inline',
  } = declaration;
  expect(NAME.test(name ?? ''), `name ${JSON.stringify(name)} must be a lower-case DNS label`);
  expect(KIND.test(kind ?? ''), `kind ${JSON.stringify(kind)} must be versioned, e.g. "scheduler.v1"`);
  expect(typeof version === 'string' && version !== '', 'version must be a string');
  expect(typeof description === 'string' && description !== '', 'description must be one sentence');
  expect(typeof declaration.start === 'function', 'start must be a function');
  for (const [key, requirement] of Object.entries(requires)) {
    const token = 'optional' in requirement ? requirement.optional : requirement;
    expect(KIND.test(token?.kind ?? ''), `requires.${key} must be a service token`);
  }
  for (const token of provides) {
    expect(KIND.test(token?.kind ?? ''), `provides must list service tokens, not ${JSON.stringify(token)}`);
  }
  const { objects = [] } = declaration.grants ?? {};
  for (const { resource, verbs } of objects) {
    expect(
      resource === '*' || typeof resource?.resource === 'string',
      'grants.objects: resource must be a Resource or "*"',
    );
    expect(verbs === '*' || Array.isArray(verbs), 'grants.objects: verbs must be a list or "*"');
  }
  expect(
    isolation === 'inline' || NAME.test(isolation.worker ?? ''),
    'isolation must be "inline" or { worker: NAME }',
  );
  if (problems.length === 0) return declaration;
  throw new StatusError(
    'Invalid',
    `plugin ${JSON.stringify(name ?? origin)} is declared wrongly: ${problems.join('; ')}`,
  );
}
