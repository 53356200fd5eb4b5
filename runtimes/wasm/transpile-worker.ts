/**
 * The worker thread that makes a component runnable: a preview 1 command becomes a component, a component becomes core modules and
 * JavaScript. Seconds of work for a large one, so it has a thread to itself.
 */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { generate } from '@bytecodealliance/jco/component';
import { binaryKind } from './memory-cap.ts';
import type { Manifest, TranspileAnswer, TranspileRequest } from './transpile.ts';

const ENTRIES = [
  ['http', 'wasi:http/incoming-handler'],
  ['command', 'wasi:cli/run'],
] as const;
/** What the guest's host (guest/wasi) has. */
const PROVIDED = /^wasi:(cli|clocks|filesystem|http|io|random|sockets)\//;
const NAME = 'component';

interface Transpiled {
  files: [name: string, bytes: Uint8Array][];
  imports: string[];
  exports: string[];
  transpiler: Manifest['transpiler'];
}

const { bytes, outDir, force } = workerData as TranspileRequest;
const answer: TranspileAnswer = await prepare().then(
  (manifest) => ({ ok: true, manifest }),
  (error: unknown) => ({ ok: false, message: firstLine(error) }),
);
parentPort!.postMessage(answer);

async function prepare(): Promise<Manifest> {
  const component = await asComponent(bytes);
  const transpiled = await transpile(component);
  const [kind, entry] =
    ENTRIES.find(([, name]) => transpiled.exports.some((e) => e.startsWith(`${name}@`))) ?? [];
  if (kind === undefined) {
    throw new Error(
      `the component exports neither wasi:http/incoming-handler nor wasi:cli/run, but: ${transpiled.exports.join(', ') || 'nothing'}`,
    );
  }
  const missing = transpiled.imports.filter((name) => !PROVIDED.test(name));
  if (missing.length > 0) {
    throw new Error(`the component imports what this runtime does not provide: ${missing.join(', ')}`);
  }
  const manifest: Manifest = {
    kind,
    exportName: transpiled.exports.find((name) => name.startsWith(`${entry}@`))!,
    script: `${NAME}.mjs`,
    modules: transpiled.files.map(([name]) => name).filter((name) => name.endsWith('.wasm')),
    transpiler: transpiled.transpiler,
  };
  await save(transpiled.files, manifest);
  return manifest;
}

async function asComponent(source: Uint8Array): Promise<Uint8Array> {
  const kind = binaryKind(source);
  if (kind === 'component') return source;
  if (kind === undefined) throw new Error('not a WebAssembly binary');
  const module = new WebAssembly.Module(source);
  const command =
    WebAssembly.Module.imports(module).every((i) => i.module === 'wasi_snapshot_preview1') &&
    WebAssembly.Module.exports(module).some((e) => e.name === '_start');
  if (!command) {
    throw new Error(
      'a core module that is no WASI preview 1 command (imports from wasi_snapshot_preview1 only, exports _start); make it a component',
    );
  }
  // Imported where it is used: each of these packages takes longer to load than a small component to transpile.
  const { componentNew, preview1AdapterCommandPath } = await import('@bytecodealliance/jco');
  return componentNew(source, [['wasi_snapshot_preview1', await readFile(preview1AdapterCommandPath())]]);
}

/** The lean transpiler's output is 10 to 25 times faster to call; the newest knows components the lean one does not. */
async function transpile(component: Uint8Array): Promise<Transpiled> {
  if (force !== 'newest') {
    try {
      const generated = generate(component, {
        name: NAME,
        instantiation: { tag: 'sync' },
        noTypescript: true,
        noNodejsCompat: true,
        base64Cutoff: 0,
      });
      // Declared as synchronous, but it returns a promise.
      const { files, imports, exports } = await Promise.resolve(generated);
      return { files, imports, exports: exports.map(([name]) => name), transpiler: 'lean' };
    } catch (error) {
      if (force === 'lean') throw error;
    }
  }
  const { transpileBytes } = await import('@bytecodealliance/jco-transpile');
  const { files, imports, exports } = await transpileBytes(component, {
    name: NAME,
    instantiation: 'sync',
    emitTypescriptDeclarations: false,
    nodejsCompat: false,
    base64Cutoff: 0,
  });
  return {
    files: Object.entries(files),
    imports,
    exports: exports.map(([name]: [string, unknown]) => name),
    transpiler: 'newest',
  };
}

/** Written aside and renamed: a folder that exists is whole. */
async function save(files: Transpiled['files'], manifest: Manifest): Promise<void> {
  const temporary = `${outDir}.${process.pid}.${Date.now()}`;
  await mkdir(temporary, { recursive: true });
  for (const [name, content] of files) {
    const file = name === `${NAME}.js` ? manifest.script : name;
    await writeFile(join(temporary, file), content);
  }
  await writeFile(join(temporary, 'manifest.json'), JSON.stringify(manifest));
  await rm(outDir, { recursive: true, force: true });
  await rename(temporary, outDir);
}

function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n', 1)[0]!;
}
