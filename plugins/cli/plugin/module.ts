import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { asStatusError, type PluginDeclaration, StatusError } from 'orlop/plugin';
import { loadDeclaration } from '../../../kernel/host/index.ts';
import { loaders } from '../../standard.ts';

/** Where a plugin's own folder keeps what is made from it. */
export const OWN = '.orlop';

const SNAPSHOTS = join(OWN, 'snapshots');
const LEFT_OUT = new Set(['node_modules', '.git', OWN]);
/** Snapshots kept: a cluster may run, or fall back to, one of the last. */
const KEPT = 5;

/** A plugin's module on disk. */
export interface LocalModule {
  /** Absolute path of the module. */
  readonly file: string;
  /** Its package, if it is in one: the folder with a `package.json`, or a manifest. */
  readonly folder: string | undefined;
}

const MANIFESTS = ['plugin.json', 'plugin.yaml', 'plugin.yml'];

/** What to load for the `spec.module` of a `Plugin` object: of a folder, by its path or a URL, the module it names; anything else is as it was given. Throws as `findModule`. */
export function moduleOf(module: string): string {
  const path = module.startsWith('file:') ? fileURLToPath(module) : module;
  const isFolder = /^[./]/.test(path) && statSync(path, { throwIfNoEntry: false })?.isDirectory();
  return isFolder ? findModule(path)!.file : module;
}

/** Finds the module a path means: a file, or a folder that has a manifest or whose `package.json` names one. `undefined`: not a path, so a package's name. */
export function findModule(path: string): LocalModule | undefined {
  const at = resolve(path);
  if (!existsSync(at)) {
    if (!/^[./]/.test(path)) return undefined;
    throw new StatusError('NotFound', `there is no plugin at ${at}`);
  }
  if (statSync(at).isFile()) {
    const folder = dirname(at);
    return { file: at, folder: existsSync(join(folder, 'package.json')) ? folder : undefined };
  }
  const plugin = MANIFESTS.find((each) => existsSync(join(at, each)));
  if (plugin !== undefined) return { file: join(at, plugin), folder: at };
  const manifest = join(at, 'package.json');
  if (!existsSync(manifest)) {
    throw new StatusError(
      'NotFound',
      `${at} has neither package.json nor plugin.json: name the module's file, or a package's folder`,
    );
  }
  const { exports: main } = parse(manifest);
  if (typeof main !== 'string') {
    throw new StatusError('Invalid', `${manifest} must name the module: "exports": "./index.mjs"`);
  }
  return { file: resolve(at, main), folder: at };
}

function parse(manifest: string): { exports?: unknown } {
  try {
    return JSON.parse(readFileSync(manifest, 'utf8')) as { exports?: unknown };
  } catch (error) {
    throw new StatusError('Invalid', `${manifest} cannot be read: ${(error as Error).message}`);
  }
}

/**
 * A URL of the module as it is now. A running kernel imports a URL once; so a package is copied to a folder named for its content, with all
 * that the module imports from it, and a lone file gets its content's digest as its query.
 */
export function snapshot({ file, folder }: LocalModule): string {
  if (folder === undefined) return `${pathToFileURL(file).href}?sha256=${digest([file])}`;
  const files = contents(folder).filter((each) => statSync(each).isFile());
  const home = join(folder, SNAPSHOTS);
  const copy = join(home, digest(files));
  if (!existsSync(copy)) {
    for (const each of files) cpSync(each, join(copy, relative(folder, each)));
    removeOld(home, basename(copy));
  }
  return pathToFileURL(join(copy, relative(folder, file))).href;
}

/** A text about a snapshot, as about what it was taken of. */
export function readable(text: string, { file, folder }: LocalModule): string {
  if (folder === undefined)
    return text.replaceAll(/\?sha256=[0-9a-f]+/g, '').replaceAll(`file://${file}`, file);
  const home = join(folder, SNAPSHOTS);
  const replace = (shown: string, at: string): string => {
    const [first = '', ...rest] = shown.split(`${at}/`);
    return [first, ...rest.map((each) => folder + each.replace(/^[0-9a-f]+/, ''))].join('');
  };
  return [pathToFileURL(home).href, home].reduce(replace, text);
}

/** Imports a plugin's declaration and checks it. */
export async function load(path: string): Promise<PluginDeclaration> {
  const module = findModule(path)?.file ?? path;
  try {
    return await loadDeclaration(module, loaders);
  } catch (error) {
    const { reason, message } = asStatusError(error);
    const place = (error as Error).cause instanceof SyntaxError ? await syntaxErrorOf(module) : '';
    throw place === '' ? error : new StatusError(reason, `${message}\n${place}`, {}, { cause: error });
  }
}

/** The line that cannot be read, and a mark below it: `import` does not tell. Empty: the module itself can, so it is in another. */
async function syntaxErrorOf(module: string): Promise<string> {
  const file = module.startsWith('file:') ? fileURLToPath(module) : module;
  const checked = await promisify(execFile)(process.execPath, ['--check', file]).catch(
    (error: unknown) => error,
  );
  const { stderr = '' } = checked as { stderr?: string };
  return stderr.split('\n\n')[0]!.trimEnd();
}

/** Paths of all files and folders of a package but what it depends on and what is made from it, itself first. */
export function contents(folder: string): string[] {
  const entries = readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !LEFT_OUT.has(name))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  return [
    folder,
    ...entries.flatMap((each) => {
      const path = join(folder, each.name);
      return each.isDirectory() ? contents(path) : [path];
    }),
  ];
}

function removeOld(home: string, newest: string): void {
  const others = readdirSync(home).filter((name) => name !== newest);
  const age = (name: string): number => statSync(join(home, name)).ctimeMs;
  for (const name of others.sort((a, b) => age(b) - age(a)).slice(KEPT - 1)) {
    rmSync(join(home, name), { recursive: true });
  }
}

function digest(files: readonly string[]): string {
  const hash = createHash('sha256');
  for (const file of files) hash.update(`${file}\0`).update(readFileSync(file)).update('\0');
  return hash.digest('hex').slice(0, 16);
}
