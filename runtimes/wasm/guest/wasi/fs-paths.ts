import { lstatSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { attempt, refusal } from './fs-errors.ts';

const MAX_SYMLINKS = 40;

/** A folder a guest may see, and nothing outside of it. */
export interface Root {
  /** Real path on this machine; `undefined`: a folder that only exists for the guest and holds `files`. */
  hostPath: string | undefined;
  /** Single files mounted into it, by name: real paths. */
  files: ReadonlyMap<string, string>;
  readOnly: boolean;
}

/**
 * Where `path` leads, seen from the folder `base` of `root`: names below the root, none of them a link unless `follow` is false and it is
 * the last. Symbolic links are followed by hand so that none leads out: `..` beyond the base and absolute links are `not-permitted`.
 * Always walked from the root, so that a folder that was opened and then replaced by a link leads nowhere else. Another process that
 * swaps a folder for a link between this and the use of the answer is not guarded against.
 */
export function resolvePath(root: Root, base: readonly string[], path: string, follow: boolean): string[] {
  if (path.includes('\0')) throw refusal('invalid');
  if (path.startsWith('/')) throw refusal('not-permitted');
  const folder = walk(root, [], [...base], 0, { follow: true, mustBeFolder: true });
  return walk(root, folder, split(path), folder.length, { follow, mustBeFolder: path.endsWith('/') });
}

/** On this machine; `undefined` for a root that only exists for the guest. */
export function hostPathOf(root: Root, parts: readonly string[]): string | undefined {
  if (root.hostPath !== undefined) return join(root.hostPath, ...parts);
  if (parts.length === 0) return undefined;
  const file = root.files.get(parts[0]!);
  if (file === undefined || parts.length > 1) throw refusal('no-entry');
  return file;
}

function walk(
  root: Root,
  from: readonly string[],
  pending: string[],
  floor: number,
  { follow, mustBeFolder }: { follow: boolean; mustBeFolder: boolean },
): string[] {
  const done = [...from];
  for (let links = 0; pending.length > 0; ) {
    const part = pending.shift()!;
    if (part === '..') {
      if (done.length === floor) throw refusal('not-permitted');
      done.pop();
      continue;
    }
    const last = pending.length === 0;
    const candidate = hostPathOf(root, [...done, part])!;
    const stats = attempt(() => lstatSync(candidate, { throwIfNoEntry: false }));
    // It may be about to be created; only its last part may be missing.
    if (stats === undefined && !last) throw refusal('no-entry');
    if (stats?.isSymbolicLink() && (!last || follow || mustBeFolder)) {
      links += 1;
      if (links > MAX_SYMLINKS) throw refusal('loop');
      const target = attempt(() => readlinkSync(candidate));
      if (target.startsWith('/')) throw refusal('not-permitted');
      pending.unshift(...split(target));
      continue;
    }
    if (stats !== undefined && !stats.isDirectory() && (!last || mustBeFolder))
      throw refusal('not-directory');
    done.push(part);
  }
  return done;
}

function split(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}
