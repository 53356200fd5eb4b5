import { createReadStream, createWriteStream, existsSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, extname, join, relative, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { StatusError } from 'orlop/plugin';
import { pack } from 'tar-stream';
import { loaders } from '../../standard.ts';
import { dependencies } from './dependencies.ts';
import { contents, type LocalModule } from './module.ts';

const MIB = 1024 * 1024;
const MOST_BYTES = 64 * MIB;

/** A file of a bundle: where it is, or what is in it. */
type Source = { path: string } | { text: string };

export interface Bundle {
  files: number;
  /** Those of native code, which runs on machines like this one only. */
  native: string[];
}

/**
 * Writes a gzipped tar of a module and all that it imports, `orlop` apart, to `target`: the same bytes for the same files. A package comes with the
 * packages it depends on as they are installed, a manifest with the folder it is in, another file by itself. Throws `Invalid` when that is more than 64 MiB.
 */
export async function writeBundle(module: LocalModule, target: string): Promise<Bundle> {
  const files = [...filesOf(module)].sort(([a], [b]) => (a < b ? -1 : 1));
  const sizes = files.map(([name, file]) => ({ name, size: sizeOf(file) }));
  const bytes = sizes.reduce((sum, { size }) => sum + size, 0);
  if (bytes > MOST_BYTES) {
    const largest = sizes.sort((a, b) => b.size - a.size).slice(0, 3);
    const names = largest.map(({ name, size }) => `${name} (${(size / MIB).toFixed(1)} MiB)`).join(', ');
    throw new StatusError(
      'Invalid',
      `a bundle of ${module.folder ?? module.file} would have ${(bytes / MIB).toFixed(1)} MiB, more than ${MOST_BYTES / MIB}; the largest files: ${names}`,
    );
  }
  const archive = pack();
  const written = pipeline(archive, createGzip({ level: 9 }), createWriteStream(target));
  const filled = (async () => {
    for (const [name, file] of files) {
      const mode = 'path' in file && (statSync(file.path).mode & 0o100) !== 0 ? 0o755 : 0o644;
      const entry = archive.entry({ name, size: sizeOf(file), mode, mtime: new Date(0) });
      if ('path' in file) await pipeline(createReadStream(file.path), entry);
      else entry.end(file.text);
    }
    archive.finalize();
  })();
  filled.catch((error: Error) => archive.destroy(error));
  await Promise.all([filled, written]);
  const names = files.map(([name]) => name);
  return { files: files.length, native: names.filter((name) => name.endsWith('.node')) };
}

/** By their names in the bundle. */
function filesOf({ file, folder }: LocalModule): Map<string, Source> {
  const files = new Map<string, Source>();
  const add = (from: string, place: string): void => {
    for (const path of contents(from)) {
      if (path.includes(`${sep}__pycache__${sep}`)) continue;
      if (!statSync(path, { throwIfNoEntry: false })?.isFile()) continue;
      files.set(join(place, relative(from, path)).split(sep).join('/'), { path });
    }
  };
  // A manifest is about programs beside it.
  if (folder !== undefined || extname(file) in loaders) add(folder ?? dirname(file), '.');
  else files.set(basename(file), { path: file });
  const isPackage = folder !== undefined && existsSync(join(folder, 'package.json'));
  const manifest = isPackage ? manifestOf(folder) : {};
  if (isPackage) for (const [place, from] of dependencies(folder)) add(from, place);
  const main = `./${relative(folder ?? dirname(file), file)
    .split(sep)
    .join('/')}`;
  // A lone file, or another module of the package than it names itself.
  if (manifest['exports'] !== main)
    files.set('package.json', { text: `${JSON.stringify({ ...manifest, exports: main })}\n` });
  return files;
}

function manifestOf(folder: string): Record<string, unknown> {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<string, unknown>;
}

function sizeOf(file: Source): number {
  return 'path' in file ? statSync(file.path).size : Buffer.byteLength(file.text);
}
