/**
 * What the plugin host costs: a call through a service's proxy beside a direct one, and what callers and
 * connections see of a swap; and scheduling with a score plugin in another process.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import {
  definePlugin,
  type Listener,
  type PluginDeclaration,
  provide,
  service,
} from '../kernel/contract/index.ts';
import { startKernel } from '../kernel/kernel.ts';
import { openDataDir } from '../plugins/cli/datadir.ts';
import { follow } from '../plugins/cli/desired.ts';
import { findServer } from '../plugins/cli/nats/binary.ts';
import { natsBy } from '../plugins/cli/nats/server/index.ts';
import { loaders } from '../plugins/standard.ts';
import { CACHE_DIR } from '../test/cluster.ts';
import { cycle, foreignTenant, held, left, memory } from '../test/kernel/cycles.ts';
import { percentile, Report } from './report.ts';
import { schedule } from './scoring.ts';

const CALLS = 5_000_000;
const ROUNDS = 7;
const SWAPS = 200;
const CYCLES = 200;
/** Cycles until V8 has compiled what is used often. */
const WARM_UP = 60;
/** Of a plugin that comes through the gate, which takes longer. */
const FOREIGN = 100;
const FOREIGN_WARM_UP = 20;
/** Longer than the store's past, which is five minutes and up to a minute more. */
const PAST_MS = 6.2 * 60_000;

interface Adder {
  add(a: number, b: number): number;
}
const Adder = service<Adder>('adder.v1');

class Sum implements Adder {
  #total = 0;
  add(a: number, b: number): number {
    this.#total += a + b;
    return this.#total;
  }
}

const adder: PluginDeclaration = definePlugin({
  name: 'adder',
  kind: 'adder.v1',
  version: '1.0.0',
  description: 'Adds.',
  provides: [Adder],
  start: () => ({ provides: [provide(Adder, new Sum())], drain: () => ({ schema: 1, state: null }) }),
});

let address: Listener | undefined;
const greeter: PluginDeclaration = definePlugin({
  name: 'greeter',
  kind: 'greeter.v1',
  version: '1.0.0',
  description: 'Greets whoever connects.',
  grants: { host: ['net'] },
  async start(ctx) {
    // A successor that asks for the same takes over the port that was picked.
    address = await ctx.listen({ host: '127.0.0.1', port: 0 }, (socket) => socket.end('hello'));
    return {};
  },
});

/** Resolves when the greeting has been read. */
function connectOnce(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let greeting = '';
    const socket = connect(port, '127.0.0.1');
    socket.on('data', (chunk) => (greeting += chunk.toString()));
    socket.once('error', reject);
    socket.once('end', () => {
      socket.end();
      if (greeting === 'hello') resolve();
      else reject(new Error(`greeted with "${greeting}"`));
    });
  });
}

/**
 * Swaps again and again while `call` is made without end. Milliseconds that each swap took, and its pause: the longest
 * call that overlapped it.
 */
async function duringSwaps(
  swap: () => Promise<void>,
  call: () => Promise<void>,
): Promise<{ swaps: number[]; pauses: number[] }> {
  const swaps: number[] = [];
  const pauses: number[] = [];
  let longest = 0;
  let ended: (() => void) | undefined;
  let isSwapping = true;
  const caller = (async () => {
    while (isSwapping) {
      const before = performance.now();
      await call();
      longest = Math.max(longest, performance.now() - before);
      ended?.();
    }
  })();
  for (let index = 0; index < SWAPS; index++) {
    // Starts amid a call, and waits for one that began before the swap's end.
    await new Promise<void>((resolve) => (ended = resolve));
    longest = 0;
    const before = performance.now();
    await swap();
    swaps.push(performance.now() - before);
    await new Promise<void>((resolve) => (ended = resolve));
    pauses.push(longest);
  }
  isSwapping = false;
  await caller;
  return { swaps, pauses };
}

/** Nanoseconds a call: the best of several rounds after one that warms up. */
function nanoseconds(call: (index: number) => void): number {
  const times: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const start = process.hrtime.bigint();
    for (let index = 0; index < CALLS; index++) call(index);
    if (round > 0) times.push(Number(process.hrtime.bigint() - start) / CALLS);
  }
  return Math.min(...times);
}

const report = new Report('plugins');
const dataDir = mkdtempSync(join(tmpdir(), 'orlop-bench-'));
const kernel = await startKernel({
  dataDir: openDataDir(dataDir),
  cacheDir: CACHE_DIR,
  nats: natsBy({ binary: await findServer(CACHE_DIR, console.error) }),
  plugins: [adder, greeter],
  loaders,
  follow,
  log: { debug() {}, info() {}, warn() {}, error() {} },
});
try {
  const direct = new Sum();
  const proxy = kernel.service(Adder);
  const alone = report.result(
    'direct call',
    nanoseconds((index) => void direct.add(index, 1)),
    'ns',
  );
  const through = report.result(
    'call through the proxy',
    nanoseconds((index) => void proxy.add(index, 1)),
    'ns',
  );
  report.measure('the proxy beyond a direct call', through - alone, 'ns', '<=', 50);

  let failed = 0;
  const count = (): void => {
    failed += 1;
  };
  const call = async (): Promise<void> => {
    await turn();
    try {
      proxy.add(1, 1);
    } catch {
      count();
    }
  };
  const open = (): Promise<void> => connectOnce(address!.port).catch(count);
  const quiet = await duringSwaps(turn, call);
  report.result('longest call without a swap, p99', percentile(quiet.pauses, 0.99), 'ms');
  const calls = await duringSwaps(() => kernel.swap('adder', adder), call);
  report.result('a swap, p50', percentile(calls.swaps, 0.5), 'ms');
  report.measure("a swap's pause for callers, p99", percentile(calls.pauses, 0.99), 'ms', '<=', 10);
  const idle = await duringSwaps(turn, open);
  report.result('longest connection without a swap, p99', percentile(idle.pauses, 0.99), 'ms');
  const connections = await duringSwaps(() => kernel.swap('greeter', greeter), open);
  report.result('a swap of a plugin that listens, p50', percentile(connections.swaps, 0.5), 'ms');
  report.result('its pause for connections, p99', percentile(connections.pauses, 0.99), 'ms');
  report.measure('calls and connections that failed', failed, 'failures', '<=', 0);

  const foreign = foreignTenant(dataDir);
  for (let index = 0; index < WARM_UP; index++) await cycle(kernel);
  for (let index = 0; index < FOREIGN_WARM_UP; index++) await cycle(kernel, foreign);
  const [before, heldBefore, began] = [await memory(kernel), held(kernel), performance.now()];
  for (let index = 0; index < CYCLES; index++) await cycle(kernel);
  report.result('a load and unload in a worker', (performance.now() - began) / CYCLES, 'ms');
  const gated = performance.now();
  for (let index = 0; index < FOREIGN; index++) await cycle(kernel, foreign);
  report.result('the same of one that is not of Orlop', (performance.now() - gated) / FOREIGN, 'ms');
  const growth = async (): Promise<number> => ((await memory(kernel)).all / before.all - 1) * 100;
  report.result(`memory right after ${CYCLES} and ${FOREIGN} of them`, await growth(), '%');
  await sleep(PAST_MS);
  report.measure('memory when the store no longer keeps their writes', await growth(), '%', '<=', 5);
  // What has been closed is gone from the operating system a little later.
  for (let round = 0; round < 50 && left(heldBefore, held(kernel)) > 0; round++) await sleep(100);
  report.measure('handles, threads and watches left', left(heldBefore, held(kernel)), '', '<=', 0);
} finally {
  await kernel.stop();
  rmSync(dataDir, { recursive: true, force: true });
}

const alone = await schedule();
report.result('scheduled over 1,000 nodes without a score plugin', alone.perSecond, 'pods/s');
const scorers = {
  'cheap-nodes': ['in Python', '../../plugins/scoring/python/plugin.json'],
  'most-allocated': ['in WebAssembly', '../generated/scoring-wasm/plugin.json'],
} as const;
for (const [name, [what, path]] of Object.entries(scorers)) {
  const { perSecond, onCheapNodes } = await schedule(name, new URL(path, import.meta.url).href);
  report.measure(`scheduled with a score plugin ${what}`, perSecond, 'pods/s', '>=', 300);
  if (name === 'cheap-nodes') report.result('of 3,000 pods on the 100 cheapest nodes', onCheapNodes, 'pods');
}
report.end();
