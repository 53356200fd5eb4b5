import { randomBytes } from 'node:crypto';
import {
  chmod,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { FileSet } from './files.ts';

const DATA = '..data';

/**
 * Makes `dir` hold exactly these files, all at once for a reader: they are links through `..data`, which is switched to a new folder by a
 * rename. Does nothing when nothing has changed. Source: kubelet's AtomicWriter.
 */
export async function writeAtomically(dir: string, files: FileSet): Promise<void> {
  await mkdir(dir, { recursive: true });
  const current = await readlink(join(dir, DATA)).catch(ifMissing);
  if (current !== undefined && (await isSame(join(dir, current), files))) return;
  const next = `..${new Date().toISOString().replace(/[-:T]/g, '_').slice(0, 19)}.${randomBytes(4).toString('hex')}`;
  await fill(join(dir, next), files);
  await symlink(next, join(dir, `${DATA}_tmp`)).catch(async () => {
    await rm(join(dir, `${DATA}_tmp`), { force: true });
    await symlink(next, join(dir, `${DATA}_tmp`));
  });
  await rename(join(dir, `${DATA}_tmp`), join(dir, DATA));
  await link(dir, files);
  if (current !== undefined) await rm(join(dir, current), { recursive: true, force: true });
}

async function fill(folder: string, files: FileSet): Promise<void> {
  await mkdir(folder, { mode: 0o755 });
  for (const [path, { data, mode }] of files) {
    const file = join(folder, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, data);
    // The umask has no say in a volume's modes.
    await chmod(file, mode);
  }
}

/** The visible names: one link per first path segment. Those of files that are gone go. */
async function link(dir: string, files: FileSet): Promise<void> {
  const wanted = new Set([...files.keys()].map((path) => path.split('/')[0]!));
  for (const name of await readdir(dir)) {
    if (!name.startsWith('..') && !wanted.has(name)) await rm(join(dir, name), { recursive: true });
  }
  for (const name of wanted) {
    const known = await lstat(join(dir, name)).catch(ifMissing);
    if (!known) await symlink(join(DATA, name), join(dir, name));
  }
}

async function isSame(folder: string, files: FileSet): Promise<boolean> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(ifMissing);
  if (!entries || entries.filter((entry) => entry.isFile()).length !== files.size) return false;
  for (const [path, { data, mode }] of files) {
    const content = await readFile(join(folder, path)).catch(ifMissing);
    if (!content?.equals(data)) return false;
    if (((await stat(join(folder, path))).mode & 0o7777) !== mode) return false;
  }
  return true;
}

function ifMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT') return undefined;
  throw error;
}
