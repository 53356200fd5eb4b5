/** Which files a plugin may import. */
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { indexOf, startsWith } from './intact.ts';
import { labelOf, type Origin } from './origins.ts';

/** Where Orlop's own code is. */
export const TREE = fileURLToPath(new URL('../../', import.meta.url));
const OWN = packageOf(TREE);

/** Where a module is, without symbolic links; `undefined` too where there is no such file, which its import will say. */
export function fileOf(module: URL): string | undefined {
  if (module.protocol !== 'file:') return undefined;
  try {
    return realpathSync(fileURLToPath(module));
  } catch {
    return undefined;
  }
}

interface Manifest {
  name?: unknown;
  exports?: unknown;
  main?: unknown;
}

/** The folder of the package that a file belongs to; the file's own where there is none. */
export function packageOf(file: string): string {
  let nearest: string | undefined;
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) {
      nearest ??= folder;
      const { name, exports, main } = manifestOf(folder);
      // Others only say of a folder which kind of modules it has.
      if (name !== undefined || exports !== undefined || main !== undefined) return folder;
    }
    if (folder === dirname(folder) || folder.endsWith(`${sep}node_modules`)) return nearest ?? dirname(file);
  }
}

/** Whether a module at `parent` may import the file `target`; all paths without symbolic links. Why not, if so. */
export function outside(origin: Origin, parent: string | undefined, target: string): string | undefined {
  if (startsWith(target, TREE))
    return `${labelOf(origin)} may not import ${target}: that is the inside of Orlop, and all there is for plugins is in 'orlop/plugin'`;
  const isIn = (folder: string | undefined): boolean =>
    folder !== undefined && startsWith(target, folder === sep ? folder : folder + sep);
  if (isIn(origin.root) || indexOf(target, `${sep}node_modules${sep}`) >= 0) return undefined;
  if (parent !== undefined && (isIn(packageOf(parent)) || isLinked(parent, target))) return undefined;
  const from = origin.root === undefined ? 'a module without a file' : `its package, ${origin.root}`;
  return `${labelOf(origin)} may not import ${target}, which is outside of ${from}: bring it along, or depend on it as a package`;
}

/** Whether that is in a package which is found by its name, through a link as `npm link` makes it. */
function isLinked(parent: string, target: string): boolean {
  const home = packageOf(target);
  if (home === OWN) return target === join(OWN, 'package.json');
  const { name } = manifestOf(home);
  if (typeof name !== 'string' || !/^(@[^/.][^/]*\/)?[^/.][^/]*$/.test(name)) return false;
  for (let folder = dirname(parent); ; folder = dirname(folder)) {
    const link = join(folder, 'node_modules', name);
    if (existsSync(link)) return realpathSync(link) === home;
    if (folder === dirname(folder)) return false;
  }
}

/** Whether `require` would have to take a `.js` file for an ES module. */
export function isEsModule(file: string): boolean {
  if (!file.endsWith('.js')) return file.endsWith('.mjs');
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    const manifest = join(folder, 'package.json');
    if (existsSync(manifest)) return (manifestOf(folder) as { type?: unknown }).type === 'module';
    if (folder === dirname(folder) || folder.endsWith(`${sep}node_modules`)) return false;
  }
}

function manifestOf(folder: string): Manifest {
  try {
    return (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) ?? {}) as Manifest;
  } catch {
    // None, or Node says what is wrong with it.
    return {};
  }
}
