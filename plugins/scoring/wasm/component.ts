import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { componentEmbed, componentNew } from '@bytecodealliance/jco';
import wabt from 'wabt';

/** What is not compiled lies in the source tree only. */
export const SOURCE = fileURLToPath(new URL('../../../../plugins/scoring/wasm/', import.meta.url));

/** A component for the world `score-plugin`, of WebAssembly text against the canonical ABI. At build time and in tests only. */
export async function scoreComponent(wat: string): Promise<Uint8Array> {
  const core = (await wabt()).parseWat('score-plugin.wat', wat, { bulk_memory: true }).toBinary({}).buffer;
  const embedded = await componentEmbed({
    binary: core,
    witSource: await readFile(`${SOURCE}scheduler-scoring.wit`, 'utf8'),
    world: 'score-plugin',
    stringEncoding: 'utf8',
  });
  return componentNew(embedded, []);
}
