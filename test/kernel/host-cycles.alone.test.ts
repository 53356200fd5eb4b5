/** A plugin that comes and goes in a worker thread leaves nothing behind. */
import { readdirSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type Logger, Plugins } from 'orlop/plugin';
import t from 'tap';
import { eventually, type TestKernel, testKernel } from '../cluster.ts';

/** Until caches are as large as they get. */
const WARM_UP = 10;
const CYCLES = 40;
const module = new URL('./host-plugins/tenant.js', import.meta.url).href;
const secrets = { module: new URL('../../plugins/secrets/aesgcm/index.js', import.meta.url).href };

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

/** Handles and subscriptions, which are to be what they were. */
interface Held {
  descriptors: number;
  threads: number;
  watchers: number;
  /** Descriptors of the nats-server: its connections are among them. */
  served: number;
}

function held(kernel: TestKernel): Held {
  return {
    descriptors: readdirSync('/proc/self/fd').length,
    threads: readdirSync('/proc/self/task').length,
    watchers: kernel.objects.stats().watchers,
    served: readdirSync(`/proc/${kernel.nats.pid}/fd`).length,
  };
}

/** Bytes of the heap and of buffers, without what can be collected. */
async function memory(): Promise<number> {
  for (let i = 0; i < 3; i += 1) {
    gc();
    await new Promise(setImmediate);
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

async function cycle(kernel: TestKernel): Promise<void> {
  const status = () => kernel.plugins().find(({ name }) => name === 'tenant');
  await kernel.objects.create(Plugins, { metadata: { name: 'tenant' }, spec: { module } });
  await eventually('it runs', () => status()?.phase === 'Running');
  await kernel.objects.delete(Plugins, { name: 'tenant' });
  await eventually('it is gone', () => !status());
}

t.test('a plugin is loaded and unloaded', { skip: process.platform !== 'linux' }, async (t) => {
  const kernel = await testKernel(t, { plugins: [secrets], log: silent });
  for (let i = 0; i < WARM_UP; i += 1) await cycle(kernel);
  const [before, heldBefore] = [await memory(), held(kernel)];
  for (let i = 0; i < CYCLES; i += 1) await cycle(kernel);
  await eventually('no handle, thread or watch is left', () => {
    const now = held(kernel);
    return Object.entries(heldBefore).every(([key, value]) => now[key as keyof Held] <= value);
  });
  // The store keeps the last changes, those of this Plugin object too: about 9 kB a cycle, with or without a plugin behind it.
  const growth = (await memory()) / before - 1;
  t.ok(growth < 0.05, `memory is within 5%: ${(growth * 100).toFixed(1)}%`);
});
