/**
 * Makes the plugin's folder: `node build.js OUTDIR` writes the component beside a copy of its manifest. The core module is WebAssembly text, so
 * that no compiler but `wabt` is needed; a component that another toolchain makes for the same WIT will do as well.
 */
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SOURCE, scoreComponent } from './component.ts';

const outDir = process.argv[2];
if (outDir === undefined) throw new Error('usage: node build.js OUTDIR');

await mkdir(outDir, { recursive: true });
const wat = await readFile(join(SOURCE, 'most-allocated.wat'), 'utf8');
await writeFile(join(outDir, 'most-allocated.wasm'), await scoreComponent(wat));
for (const file of ['plugin.json', 'scheduler-scoring.wit'])
  await copyFile(join(SOURCE, file), join(outDir, file));
