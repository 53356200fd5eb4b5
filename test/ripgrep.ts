/** ripgrep as a WASI preview 1 module, out of the npm package `ripgrep`: a program that knows nothing of Orlop. */
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { brotliDecompressSync } from 'node:zlib';

/** The module's bytes (about 2.2 MB). */
export async function ripgrepBytes(): Promise<Uint8Array> {
  const entry = createRequire(import.meta.url).resolve('ripgrep');
  const file = pathToFileURL(join(dirname(entry), '_rg.wasm.mjs')).href;
  const { getCompressedBytes } = (await import(file)) as { getCompressedBytes(): Uint8Array };
  return brotliDecompressSync(getCompressedBytes());
}

/** Writes the module into a folder; returns its `file://` URL, which is an image reference. */
export async function ripgrepModule(folder: string): Promise<string> {
  const path = join(folder, 'rg.wasm');
  writeFileSync(path, await ripgrepBytes());
  return pathToFileURL(path).href;
}
