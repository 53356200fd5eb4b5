import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Images that come with Orlop, made at build time (hello/build.ts). */
const BUILT_IN: Record<string, URL> = {
  'orlop.dev/hello:1': new URL('../../generated/hello/hello.wasm', import.meta.url),
};

/** As the distribution reference grammar, without a digest: `[host[:port]/]path[:tag]`, lower case. */
const NAME =
  /^(?:[a-z0-9.-]+(?::\d+)?\/)?[a-z0-9]+(?:[._/-]+[a-z0-9]+)*(?::[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?$/;

export interface ImageBytes {
  bytes: Uint8Array;
  /** Hex sha256. */
  digest: string;
}

/**
 * The components this node can run, by image reference: a path (`file:///abs/x.wasm` or `/abs/x.wasm`), a name imported into the
 * node's store, or a built-in name. The store is a folder: `sha256/DIGEST` files and `names.json`.
 */
export class ImageStore {
  readonly #dir: string;
  readonly #names: Map<string, string>;

  private constructor(dir: string, names: Map<string, string>) {
    this.#dir = dir;
    this.#names = names;
  }

  static async open(dir: string): Promise<ImageStore> {
    await mkdir(join(dir, 'sha256'), { recursive: true });
    const index = await readFile(join(dir, 'names.json'), 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '{}';
      throw error;
    });
    return new ImageStore(dir, new Map(Object.entries(JSON.parse(index) as Record<string, string>)));
  }

  /** True when the reference is one of a component here; a path always is. */
  has(image: string): boolean {
    if (pathOf(image) !== undefined) return true;
    const name = withTag(image);
    return this.#names.has(name) || name in BUILT_IN;
  }

  /** Stores a component under a name; the digest is its identity. A name that exists is moved to the new one. */
  async import(image: string, bytes: Uint8Array): Promise<string> {
    if (!NAME.test(image))
      throw new Error(`"${image}" is not an image name: want [host/]path[:tag] in lower case`);
    const digest = await sha256(bytes);
    await replaceFile(join(this.#dir, 'sha256', digest), bytes);
    this.#names.set(withTag(image), digest);
    await replaceFile(join(this.#dir, 'names.json'), JSON.stringify(Object.fromEntries(this.#names)));
    return digest;
  }

  /** `invalid`: no reference at all; `absent`: nothing here has that name. */
  async load(image: string): Promise<ImageBytes | { problem: 'invalid' | 'absent'; message: string }> {
    const path = pathOf(image);
    if (path === undefined && !NAME.test(image)) {
      return {
        problem: 'invalid',
        message: `couldn't parse image name "${image}": invalid reference format`,
      };
    }
    const file = path ?? this.#file(withTag(image));
    if (file === undefined) {
      const message = `no component is named "${image}" on this node; use file:///path/to/component.wasm, or a name that was imported`;
      return { problem: 'absent', message };
    }
    try {
      const bytes = await readFile(file);
      return { bytes, digest: await sha256(bytes) };
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      return {
        problem: 'absent',
        message: code === 'ENOENT' ? `${file}: no such file on this node` : message,
      };
    }
  }

  #file(name: string): string | undefined {
    const digest = this.#names.get(name);
    if (digest !== undefined) return join(this.#dir, 'sha256', digest);
    const builtIn = BUILT_IN[name];
    return builtIn === undefined ? undefined : fileURLToPath(builtIn);
  }
}

function pathOf(image: string): string | undefined {
  if (image.startsWith('file:///')) return fileURLToPath(image);
  return isAbsolute(image) ? image : undefined;
}

function withTag(image: string): string {
  return /:[^/]+$/.test(image) ? image : `${image}:latest`;
}

/** On the thread pool: a component may be megabytes. */
async function sha256(bytes: Uint8Array): Promise<string> {
  return Buffer.from(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>)).toString('hex');
}

async function replaceFile(path: string, content: Uint8Array | string): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, content);
  await rename(temporary, path);
}
