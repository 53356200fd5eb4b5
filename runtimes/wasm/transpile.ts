import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { LRUCache } from 'lru-cache';
import { capMemory } from './memory-cap.ts';

/** What `transpile-worker` leaves beside the files it made. */
export interface Manifest {
  kind: 'http' | 'command';
  /** Name of the exported instance to call, with its version. */
  exportName: string;
  script: string;
  /** File names of the core modules. */
  modules: string[];
  transpiler: 'lean' | 'newest';
}

export interface TranspileRequest {
  bytes: Uint8Array;
  outDir: string;
  /** Absent: the lean one first, the newest when it fails. */
  force?: Manifest['transpiler'];
}

export type TranspileAnswer = { ok: true; manifest: Manifest } | { ok: false; message: string };

/** A component ready to be instantiated. */
export interface Prepared {
  digest: string;
  manifest: Manifest;
  dir: string;
  /** `file:` URL of the JavaScript. */
  script: string;
}

/** Changes when the files made for the same component would change. */
const FORMAT = 1;
/** Much more than a 14 MB component needs (24 s). */
const TIMEOUT_MS = 180_000;
/** Compiled modules kept, by the bytes they were compiled from. */
const COMPILED_BYTES = 128 * 1024 * 1024;

/** Makes components runnable and keeps the results: files in a cache folder, compiled modules in memory. */
export class Transpiler {
  readonly #cacheDir: string;
  readonly #versions: string;
  readonly #running = new Map<string, Promise<TranspileAnswer>>();
  readonly #workers = new Set<Worker>();
  readonly #compiled = new LRUCache<string, { module: WebAssembly.Module; bytes: number }>({
    maxSize: COMPILED_BYTES,
    sizeCalculation: (entry) => entry.bytes,
  });

  constructor(cacheDir: string) {
    this.#cacheDir = cacheDir;
    this.#versions = `${versionOf('@bytecodealliance/jco')}+${versionOf('@bytecodealliance/jco-transpile')}+${FORMAT}`;
  }

  /** What an earlier `prepare` made, unless the cache was emptied. `digest`: hex sha256 of the component. */
  async cached(digest: string): Promise<Prepared | undefined> {
    const dir = this.#dir(digest);
    try {
      return prepared(digest, dir, JSON.parse(await readFile(join(dir, 'manifest.json'), 'utf8')));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError)
        return undefined;
      throw error;
    }
  }

  /** Throws an `Error` whose message says what is wrong with the component. */
  async prepare(digest: string, bytes: Uint8Array): Promise<Prepared> {
    const known = await this.cached(digest);
    if (known !== undefined) return known;
    const outDir = this.#dir(digest);
    let running = this.#running.get(digest);
    if (running === undefined) {
      running = this.#transpile({ bytes, outDir }).finally(() => this.#running.delete(digest));
      this.#running.set(digest, running);
    }
    const answer = await running;
    if (!answer.ok) throw new Error(answer.message);
    return prepared(digest, outDir, answer.manifest);
  }

  /** The core modules, compiled, their memories capped at `memoryLimit` bytes. */
  async compile(
    component: Prepared,
    memoryLimit: number | undefined,
  ): Promise<Record<string, WebAssembly.Module>> {
    const names = component.manifest.modules;
    const modules = await Promise.all(names.map((name) => this.#module(component, name, memoryLimit)));
    return Object.fromEntries(names.map((name, index) => [name, modules[index]!]));
  }

  /** Ends what is running. */
  async close(): Promise<void> {
    await Promise.all([...this.#workers].map((worker) => worker.terminate()));
  }

  async #module(component: Prepared, name: string, limit: number | undefined): Promise<WebAssembly.Module> {
    const key = `${component.digest}/${name}/${limit ?? ''}`;
    const known = this.#compiled.get(key);
    if (known !== undefined) return known.module;
    const bytes = await readFile(join(component.dir, name));
    const module = await WebAssembly.compile(limit === undefined ? bytes : capMemory(bytes, limit));
    this.#compiled.set(key, { module, bytes: bytes.length });
    return module;
  }

  #dir(digest: string): string {
    const key = createHash('sha256').update(`${digest} ${this.#versions}`).digest('hex');
    return join(this.#cacheDir, 'components', key.slice(0, 32));
  }

  #transpile(request: TranspileRequest): Promise<TranspileAnswer> {
    return new Promise((resolve) => {
      const worker = new Worker(new URL('./transpile-worker.js', import.meta.url), {
        workerData: request,
        env: {},
      });
      this.#workers.add(worker);
      const timer = setTimeout(
        () => finish({ ok: false, message: `not done after ${TIMEOUT_MS / 1000} s` }),
        TIMEOUT_MS,
      );
      const finish = (answer: TranspileAnswer): void => {
        clearTimeout(timer);
        this.#workers.delete(worker);
        resolve(answer);
        void worker.terminate();
      };
      worker.once('message', finish);
      worker.once('error', (error) => finish({ ok: false, message: error.message }));
      worker.once('exit', () => finish({ ok: false, message: 'the transpiler was stopped' }));
    });
  }
}

function prepared(digest: string, dir: string, manifest: Manifest): Prepared {
  return { digest, dir, manifest, script: pathToFileURL(join(dir, manifest.script)).href };
}

function versionOf(name: string): string {
  const main = import.meta.resolve(name);
  const root = main.slice(0, main.lastIndexOf(`/${name}/`) + name.length + 2);
  return (JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { version: string }).version;
}
