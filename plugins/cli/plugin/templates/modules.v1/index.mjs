import { createHash, randomBytes } from 'node:crypto';
import { createWriteStream, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { createGunzip } from 'node:zlib';
import { definePlugin, isStatus, ModuleSource, provide, StatusError } from 'orlop/plugin';
import { extract } from 'tar-stream';

/** @import { Readable } from 'node:stream' */
/** @import { BlobClient } from 'orlop/plugin' */

const REFERENCE = /^blob:(sha256-[0-9a-f]{64})$/;
const MOST_BYTES = 256 * 1024 * 1024;

/** Bundles in a folder, unpacked once each, beside what they import of `orlop`. @implements {ModuleSource} */
export class Bundles {
  #blobs;
  #home;
  #arriving = /** @type {Map<string, Promise<void>>} */ (new Map());

  /** @param {Pick<BlobClient, 'get'>} blobs @param {string} cache @param {string} orlop where the one is that runs this */
  constructor(blobs, cache, orlop) {
    this.#blobs = blobs;
    // Another Orlop on this machine has bundles of its own.
    this.#home = join(cache, createHash('sha256').update(orlop).digest('hex').slice(0, 16));
    mkdirSync(join(this.#home, 'node_modules'), { recursive: true, mode: 0o700 });
    linkUnlessThere(orlop, join(this.#home, 'node_modules/orlop'));
  }

  /** @param {string} reference */
  async locate(reference) {
    const digest = REFERENCE.exec(reference)?.[1];
    if (digest === undefined) throw new StatusError('Invalid', `"${reference}" is no reference to a blob`);
    const folder = join(this.#home, digest);
    if (!existsSync(folder)) {
      const arriving = this.#arriving.get(digest) ?? this.#fetch(digest, folder);
      this.#arriving.set(digest, arriving);
      await arriving.finally(() => this.#arriving.delete(digest));
    }
    return moduleIn(folder);
  }

  /** It is whole or not there: a process may die, and another may do the same. @param {string} digest @param {string} folder */
  async #fetch(digest, folder) {
    const archive = await this.#blobs.get(digest);
    const draft = join(this.#home, `draft-${randomBytes(8).toString('hex')}`);
    try {
      mkdirSync(draft, { mode: 0o700 });
      await unpack(archive, draft);
      moduleIn(draft);
      await rename(draft, folder);
    } catch (error) {
      if (existsSync(folder)) return;
      if (isStatus(error)) throw error;
      const why = error instanceof Error ? error.message : String(error);
      throw new StatusError('Invalid', `blob ${digest} cannot be unpacked: ${why}`, {}, { cause: error });
    } finally {
      rmSync(draft, { recursive: true, force: true });
    }
  }
}

/** @param {Readable} archive @param {string} folder */
async function unpack(archive, folder) {
  const files = extract();
  const written = (async () => {
    let bytes = 0;
    for await (const entry of files) {
      const { name, type, size = 0, mode = 0 } = entry.header;
      const path = join(folder, name);
      if (type !== 'file' || !path.startsWith(folder + sep)) throw invalid(`it holds a ${type} ${name}`);
      bytes += size;
      if (bytes > MOST_BYTES) throw invalid('it unpacks to too much');
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      const options = { mode: (mode & 0o100) === 0 ? 0o600 : 0o700, flags: 'wx', flush: true };
      await pipeline(entry, createWriteStream(path, options));
    }
  })();
  // Whichever fails first ends the other.
  written.catch((error) => files.destroy(error));
  const outcomes = await Promise.allSettled([written, pipeline(archive, createGunzip(), files)]);
  for (const each of outcomes) if (each.status === 'rejected') throw each.reason;
}

/** The URL of the module that the manifest names. @param {string} folder */
function moduleIn(folder) {
  const manifest = join(folder, 'package.json');
  const { exports: main } = existsSync(manifest) ? JSON.parse(readFileSync(manifest, 'utf8')) : {};
  const path = resolve(folder, String(main));
  if (typeof main === 'string' && path.startsWith(folder + sep) && existsSync(path))
    return pathToFileURL(path).href;
  throw invalid('its package.json names no module in "exports"');
}

/** @param {string} target @param {string} path */
function linkUnlessThere(target, path) {
  try {
    symlinkSync(target, path, 'dir');
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
  }
}

/** @param {string} why */
function invalid(why) {
  return new StatusError('Invalid', `it is no plugin bundle, as \`orlop plugin push\` makes them: ${why}`);
}

export default definePlugin({
  name: 'my-plugin',
  kind: 'modules.v1',
  version: '0.1.0',
  description: 'Brings the modules of plugins that are kept as blobs to this machine.',
  provides: [ModuleSource],
  grants: { blobs: ['read'], host: ['files'] },
  start({ blobs, cacheDir }) {
    const orlop = dirname(fileURLToPath(import.meta.resolve('orlop/package.json')));
    return { provides: [provide(ModuleSource, new Bundles(blobs, cacheDir, orlop))] };
  },
});
