/**
 * The node agent's own overhead: pods on the fake runtime, from the acknowledged create to the status that says Ready, in a real kernel with
 * an embedded nats-server.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { definePlugin, isPodReady, type Pod, PodNetwork, Pods, provide } from '../kernel/contract/index.ts';
import { type Kernel, startKernel } from '../kernel/kernel.ts';
import { openDataDir } from '../plugins/cli/datadir.ts';
import { findServer } from '../plugins/cli/nats/binary.ts';
import { natsBy } from '../plugins/cli/nats/server/index.ts';
import { Report } from './report.ts';

const SINGLE = 50;
const MANY = 500;
const cacheDir = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'orlop');
const dataDir = mkdtempSync(join(tmpdir(), 'orlop-bench-'));
const report = new Report('node');
const plugin = (path: string) => ({ module: new URL(path, import.meta.url).href });

/** Addresses without end: nothing is behind them. */
let addresses = 0;
const network = definePlugin({
  name: 'bench-network',
  kind: 'network.v1',
  version: '1.0.0',
  description: 'Addresses for the bench.',
  provides: [PodNetwork],
  start() {
    const service: PodNetwork = {
      podCIDR: '10.244.0.0/16',
      bridge: { cidr: '10.244.0.0/17', gateway: '10.244.0.1' },
      nodeIP: '127.0.0.1',
      async add(_uid, attachment) {
        addresses += 1;
        return { ip: `10.244.${addresses >> 8}.${addresses & 255}`, attachment };
      },
      async adopt() {},
      async del() {},
    };
    return { provides: [provide(PodNetwork, service)] };
  },
});

/** Resolvers by pod name, called with the time the watch said so. */
const ready = new Map<string, (at: number) => void>();
const gone = new Map<string, (at: number) => void>();

/** Milliseconds from the acknowledged create to Ready. */
async function start(kernel: Kernel, name: string): Promise<number> {
  const told = new Promise<number>((resolve) => ready.set(name, resolve));
  const pod: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: 'default', name },
    spec: { nodeName: 'bench', containers: [{ name: 'main', image: 'app:1' }] },
  };
  await kernel.objects.create(Pods, pod);
  const acknowledged = performance.now();
  return Math.max(0, (await told) - acknowledged);
}

async function remove(kernel: Kernel, name: string): Promise<void> {
  const told = new Promise<number>((resolve) => gone.set(name, resolve));
  await kernel.objects.delete(Pods, { namespace: 'default', name }, { gracePeriodSeconds: 1 });
  await told;
}

const kernel = await startKernel({
  dataDir: openDataDir(dataDir),
  cacheDir,
  nats: natsBy({ binary: await findServer(cacheDir, console.error) }),
  node: 'bench',
  log: { debug() {}, info() {}, warn: console.error, error: console.error },
  plugins: [network, plugin('../runtimes/fake/index.js'), plugin('../plugins/node/index.js')],
  config: { node: { defaultRuntime: 'fake' } },
});
try {
  const watch = kernel.objects.watch(
    Pods,
    { initial: true },
    {
      event({ type, object }) {
        if (!object) return;
        const waiting = type === 'DELETED' ? gone : isPodReady(object.value) ? ready : undefined;
        waiting?.get(object.key.name)?.(performance.now());
      },
      closed() {},
    },
  );
  const times: number[] = [];
  for (let index = 0; index < SINGLE; index += 1) times.push(await start(kernel, `single-${index}`));
  times.sort((a, b) => a - b);
  report.result('one pod at a time, created to Ready: median', times[SINGLE / 2]!, 'ms');
  report.result(
    'one pod at a time, created to Ready: 90th percentile',
    times[Math.floor(SINGLE * 0.9)]!,
    'ms',
  );
  await Promise.all(times.map((_, index) => remove(kernel, `single-${index}`)));
  let began = performance.now();
  const names = Array.from({ length: MANY }, (_, index) => `many-${index}`);
  await Promise.all(names.map((name) => start(kernel, name)));
  report.result(
    `${MANY} pods at once, created and Ready`,
    (MANY * 1000) / (performance.now() - began),
    'pods/s',
  );
  began = performance.now();
  await Promise.all(names.map((name) => remove(kernel, name)));
  report.result(
    `${MANY} pods at once, deleted and gone`,
    (MANY * 1000) / (performance.now() - began),
    'pods/s',
  );
  watch.close();
  report.end();
} finally {
  await kernel.stop();
  rmSync(dataDir, { recursive: true, force: true });
}
