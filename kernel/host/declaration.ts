import { createRequire } from 'node:module';
import { extname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import {
  asStatusError,
  checkDeclaration,
  type Isolation,
  isStatus,
  type Json,
  type PluginDeclaration,
  resolveConfig,
  StatusError,
  within,
  withMemoryLimit,
} from '../contract/index.ts';

/** What a module waits for at its top level may never come. */
const IMPORT_MS = 30_000;

/** Names a plugin to run: where its module is, and what differs from its defaults. */
export interface PluginEntry {
  /** A `file:` URL, a path (absolute, or relative to the working folder), or a package; its default export is the declaration. */
  module: string;
  config?: object;
  /** Configuration for those keys only that its schema has; `config` wins. */
  defaults?: object;
  isolation?: Isolation;
  /** Limit of its worker or its process; wins over the declaration's and `isolation`'s. */
  memory?: string | undefined;
  /** What it must declare itself to be. */
  kind?: string | undefined;
  version?: string | undefined;
  /** What it goes by where that is not the name it declares: it has taken another's place. */
  place?: string;
}

/** What may be given where a plugin is to be run; a declaration as such cannot run in a worker. */
export type PluginSource = PluginEntry | PluginDeclaration;

/** A plugin ready to be started: its declaration is valid, its configuration complete. */
export interface LoadedPlugin {
  readonly declaration: PluginDeclaration;
  readonly config: { [key: string]: Json };
  /** What of it was given, its schema's defaults left out. */
  readonly given: object;
  readonly isolation: Isolation;
  /** Absent when it was given as a declaration. */
  readonly entry?: PluginEntry;
}

/**
 * What makes plugins of modules, where plain `import` will not do: by file name extension, or `*` for all others, the URL of a module that exports
 * `load(module: URL, { memory? }): Promise<PluginDeclaration>`; `memory`: the limit of a process it starts. Data, so that worker threads can be given it.
 */
export type Loaders = Readonly<Record<string, string>>;

/** What a plugin goes by that nobody names. */
export function nameOf({ declaration, entry }: LoadedPlugin): string {
  return entry?.place ?? declaration.name;
}

/** Imports and checks a plugin. `overrides` win over the entry's own configuration. Throws `Invalid` or `NotFound`. */
export async function loadPlugin(
  source: PluginSource,
  overrides?: (name: string) => object | undefined,
  loaders: Loaders = {},
): Promise<LoadedPlugin> {
  const entry = 'module' in source ? source : undefined;
  const declaration = entry
    ? await loadDeclaration(entry.module, loaders, entry.memory)
    : checkDeclaration(source, 'a declaration');
  const { name } = declaration;
  for (const field of ['kind', 'version'] as const) {
    const asked = entry?.[field];
    if (asked === undefined || asked === declaration[field]) continue;
    const text = `plugin "${name}" is to be of ${field} ${asked}, but ${entry!.module} declares ${field} ${declaration[field]}`;
    throw new StatusError('Invalid', `${text}: change the one or the other`);
  }
  const isKnown = ([key]: [string, unknown]): boolean => declaration.config?.properties?.[key] !== undefined;
  const defaults = Object.fromEntries(Object.entries(entry?.defaults ?? {}).filter(isKnown));
  const given = { ...defaults, ...entry?.config, ...overrides?.(name) };
  const config = resolveConfig(declaration.config, given, name);
  const isolation = withMemoryLimit(isolationOf(declaration, entry, loaders), declaration, entry?.memory);
  return { declaration, config, given, isolation, ...(entry ? { entry } : {}) };
}

/** Only what a loader made runs in a process of its own; its proxy may be in a worker all the same. */
function isolationOf(
  { name, isolation: declared = 'inline' }: PluginDeclaration,
  entry: PluginEntry | undefined,
  loaders: Loaders,
): Isolation {
  const isolation = entry?.isolation ?? declared;
  if (isolation === 'inline' && declared === 'process') return 'process';
  if (isolation !== 'process' || (declared === 'process' && entry && loaderOf(entry.module, loaders)))
    return isolation;
  const text = `plugin "${name}" is a JavaScript module, which runs inline or in a worker: isolation "process" is for a manifest that names a command`;
  throw new StatusError('Invalid', text);
}

function loaderOf(module: string, loaders: Loaders): string | undefined {
  return loaders[extname(module.replace(/[?#].*$/, ''))];
}

/** What a module declares, checked. `memory`: limit of a process it starts. Throws `Invalid`, `Forbidden` or `NotFound`. */
export async function loadDeclaration(
  module: string,
  loaders: Loaders = {},
  memory?: string,
): Promise<PluginDeclaration> {
  const loader = loaderOf(module, loaders) ?? loaders['*'];
  let exported: { default?: unknown };
  try {
    const url = specifier(module);
    exported = await within(IMPORT_MS, 'its import', async () => {
      if (loader === undefined) return (await import(url)) as typeof exported;
      const { load } = (await import(loader)) as { load(module: URL, o: object): Promise<PluginDeclaration> };
      return { default: await load(new URL(url), { memory }) };
    });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const isMissing = code === 'ERR_MODULE_NOT_FOUND' || code === 'ENOENT';
    const reason = isMissing ? 'NotFound' : isStatus(error, 'Forbidden') ? 'Forbidden' : 'Invalid';
    const text = `cannot load plugin module ${module}: ${explain(error)}`;
    throw new StatusError(reason, text, {}, { cause: error });
  }
  return checkDeclaration(exported.default, module);
}

/** With where it went wrong in the module, not where in here that was asked for. */
export function explain(error: unknown): string {
  const own = ` imported from ${fileURLToPath(import.meta.url)}`;
  const message = asStatusError(error).message.replace(own, '');
  const { stack = '' } = error instanceof StatusError ? {} : (error as Error);
  const places = stack.match(/file:\S+?:\d+/g) ?? [];
  const place = places.find((each) => !each.startsWith(import.meta.url));
  return place === undefined ? message : `${message}, at ${place.replace(/[?#][^:]*/, '')}`;
}

/** What `import` takes. A package is looked up from the working folder first, where `npm install` put it. */
function specifier(module: string): string {
  if (/^(file|data|node):/.test(module)) return module;
  if (isAbsolute(module) || module.startsWith('.')) return pathToFileURL(resolve(module)).href;
  try {
    return pathToFileURL(createRequire(join(process.cwd(), 'package.json')).resolve(module)).href;
  } catch {
    return import.meta.resolve(module);
  }
}
