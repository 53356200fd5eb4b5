/** A plugin that comes and goes in a worker thread leaves nothing behind. `npm run bench -- plugins` does it 200 times. */
import type { Logger } from 'orlop/plugin';
import t from 'tap';
import { eventually, testKernel } from '../cluster.ts';
import { cycle, held, left, memory } from './cycles.ts';

/** Until V8 has compiled what is used often, and caches are as large as they get. */
const WARM_UP = 10;
const CYCLES = 40;
const secrets = { module: new URL('../../plugins/secrets/aesgcm/index.js', import.meta.url).href };

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };

t.test('a plugin is loaded and unloaded', { skip: process.platform !== 'linux' }, async (t) => {
  const kernel = await testKernel(t, { plugins: [secrets], log: silent });
  for (let i = 0; i < WARM_UP; i += 1) await cycle(kernel);
  const [before, heldBefore] = [await memory(kernel), held(kernel)];
  for (let i = 0; i < CYCLES; i += 1) await cycle(kernel);
  await eventually('no handle, thread or watch is left', () => left(heldBefore, held(kernel)) === 0);
  const growth = (await memory(kernel)).own / before.own - 1;
  t.ok(growth < 0.05, `memory is within 5%: ${(growth * 100).toFixed(1)}%`);
});
