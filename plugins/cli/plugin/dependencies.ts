import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { StatusError } from 'orlop/plugin';

interface Manifest {
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
}

/** Provided by the Orlop that runs the plugin, never brought along. */
const PROVIDED = 'orlop';

/**
 * The packages that a package needs to run, as they are installed: where each is, by a path below `folder` at which its dependents find it. That
 * is the one they find it at here, if it can be; those from further up, or by way of links, go to the top, or below what needs them if another of
 * that name is in their way. Throws `Invalid` for one that is not installed.
 */
export function dependencies(folder: string): Map<string, string> {
  const root = realpathSync(folder);
  const found = new Map<string, string>();
  /** What a package at `place` gets by that name. */
  const visible = (place: string, name: string): string | undefined => {
    const there = found.get(join(place, 'node_modules', name));
    return there ?? (place === '.' ? undefined : visible(dirname(place), name));
  };
  // Nearest first: what the package itself needs has the top.
  const ahead: [at: string, place: string][] = [[root, '.']];
  for (const [at, place] of ahead) {
    const { dependencies: needed = {}, optionalDependencies = {}, peerDependencies = {} } = manifestOf(at);
    for (const name of Object.keys({ ...needed, ...optionalDependencies, ...peerDependencies })) {
      if (name === PROVIDED) continue;
      const path = installed(name, at);
      if (path === undefined) {
        if (!(name in needed) || name in optionalDependencies) continue;
        throw new StatusError(
          'Invalid',
          `${at} depends on ${name}, which is not installed: run npm install there`,
        );
      }
      const real = realpathSync(path);
      if (visible(place, name) === real) continue;
      const here = relative(root, path);
      const base = visible(place, name) === undefined ? '.' : place;
      const target =
        isVisible(here, name, place) && !found.has(here) ? here : join(base, 'node_modules', name);
      found.set(target, real);
      ahead.push([real, target]);
    }
  }
  return found;
}

/** Whether a package at `place` finds the one at `here`: all below its root. */
function isVisible(here: string, name: string, place: string): boolean {
  const tail = join('node_modules', name);
  if (here === tail) return true;
  const base = here.slice(0, -tail.length - 1);
  return here === join(base, tail) && !here.startsWith('..') && `${place}${sep}`.startsWith(`${base}${sep}`);
}

/** Where a package is as `import` finds it: in the nearest `node_modules` upwards. */
export function installed(name: string, from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const path = join(folder, 'node_modules', name);
    if (existsSync(join(path, 'package.json'))) return path;
    if (folder === dirname(folder)) return undefined;
  }
}

function manifestOf(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
}
