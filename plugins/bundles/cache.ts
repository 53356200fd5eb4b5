import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import {
  type BlobClient,
  isBlobReference,
  isStatus,
  type ModuleSource,
  referredBlobs,
  StatusError,
} from 'orlop/plugin';
import { unpack } from './unpack.ts';

const UNFINISHED = '.unfinished-';
const STALE_MS = 60 * 60 * 1000;
/** A blob may be deleted and brought back in the moment in which something begins to refer to it. */
const PATIENCE = { times: 10, ms: 200 };

/**
 * Bundles, unpacked once each:
 * ```
 * HASH/                        of where this Orlop is installed
 *   node_modules/orlop         a link there: what a bundle imports of `orlop` is the very copy that runs it
 *   sha256-DIGEST/             a bundle
 * ```
 */
export class BundleCache implements ModuleSource {
  readonly #blobs: Pick<BlobClient, 'get'>;
  readonly #home: string;
  readonly #arriving = new Map<string, Promise<void>>();

  constructor(blobs: Pick<BlobClient, 'get'>, cacheDir: string) {
    const orlop = dirname(fileURLToPath(import.meta.resolve('orlop/package.json')));
    this.#blobs = blobs;
    this.#home = join(cacheDir, createHash('sha256').update(orlop).digest('hex').slice(0, 16));
    mkdirSync(join(this.#home, 'node_modules'), { recursive: true, mode: 0o700 });
    linkUnlessThere(orlop, join(this.#home, 'node_modules/orlop'));
    this.#removeStale();
  }

  async locate(reference: string): Promise<string> {
    const [digest] = referredBlobs(reference);
    if (digest === undefined || !isBlobReference(reference))
      throw new StatusError(
        'Invalid',
        `"${reference}" is no reference to a blob: blob:sha256- and 64 hexadecimal digits`,
      );
    const folder = join(this.#home, digest);
    if (!existsSync(folder)) {
      const arriving = this.#arriving.get(digest) ?? this.#fetch(digest, folder);
      this.#arriving.set(digest, arriving);
      await arriving.finally(() => this.#arriving.delete(digest));
    }
    return moduleIn(folder, digest);
  }

  async #fetch(digest: string, folder: string): Promise<void> {
    const draft = join(this.#home, `${UNFINISHED}${randomBytes(8).toString('hex')}`);
    try {
      mkdirSync(draft, { mode: 0o700 });
      await unpack(await this.#get(digest), draft);
      await rename(draft, folder);
    } catch (error) {
      // Another process may have been first; its copy is as good.
      if (existsSync(folder)) return;
      throw failure(digest, error as NodeJS.ErrnoException, this.#home);
    } finally {
      rmSync(draft, { recursive: true, force: true });
    }
  }

  async #get(digest: string): Promise<Readable> {
    for (let time = 1; ; time++) {
      try {
        return await this.#blobs.get(digest);
      } catch (error) {
        if (!isStatus(error, 'NotFound') || time === PATIENCE.times) throw error;
        await sleep(PATIENCE.ms);
      }
    }
  }

  /** What a process left that was killed. */
  #removeStale(): void {
    for (const name of readdirSync(this.#home)) {
      const path = join(this.#home, name);
      const age =
        name.startsWith(UNFINISHED) && Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0);
      if (age !== false && age > STALE_MS) rmSync(path, { recursive: true, force: true });
    }
  }
}

/** What the package's `exports` names. */
function moduleIn(folder: string, digest: string): string {
  let main: unknown;
  try {
    main = (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { exports?: unknown }).exports;
  } catch (error) {
    throw notABundle(digest, `its package.json cannot be read: ${(error as Error).message}`, error);
  }
  const path = resolve(folder, String(main));
  if (typeof main !== 'string' || !path.startsWith(folder + sep) || !existsSync(path))
    throw notABundle(digest, 'its package.json names no module in "exports"');
  return pathToFileURL(path).href;
}

function failure(digest: string, error: NodeJS.ErrnoException, home: string): Error {
  if (isStatus(error, 'NotFound')) {
    const text = `there is no blob ${digest} in the cluster: push the plugin again, with \`orlop plugin push\``;
    return new StatusError('NotFound', text, {}, { cause: error });
  }
  if (error instanceof StatusError && error.reason !== 'Invalid') return error;
  if (error.syscall === undefined) return notABundle(digest, error.message, error);
  const text = `blob ${digest} could not be unpacked in ${home}: ${error.message}`;
  return new StatusError('InternalError', text, {}, { cause: error });
}

function notABundle(digest: string, why: string, cause?: unknown): StatusError {
  const text = `blob ${digest} is no plugin bundle, as \`orlop plugin push\` makes them: ${why}`;
  return new StatusError('Invalid', text, {}, { cause });
}

function linkUnlessThere(target: string, path: string): void {
  try {
    symlinkSync(target, path, 'dir');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
