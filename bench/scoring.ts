/** Pods scheduled by the real scheduler over 1,000 nodes, with a score plugin or without. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Nodes, Plugins, type Pod, Pods } from '../kernel/contract/index.ts';
import { type Kernel, startKernel } from '../kernel/kernel.ts';
import { openDataDir } from '../plugins/cli/datadir.ts';
import { follow } from '../plugins/cli/desired.ts';
import { findServer } from '../plugins/cli/nats/binary.ts';
import { natsBy } from '../plugins/cli/nats/server/index.ts';
import { loaders } from '../plugins/standard.ts';
import { CACHE_DIR } from '../test/cluster.ts';

const NODES = 1_000;
const PODS = 3_000;
const IN_FLIGHT = 256;

export interface Scheduled {
  /** From the first bind to the last. */
  perSecond: number;
  /** On the tenth of the nodes that is the cheapest. */
  onCheapNodes: number;
}

/** `module`: of a score plugin, which is named `name`. The pods are there before the scheduler is. */
export async function schedule(name?: string, module?: string): Promise<Scheduled> {
  const dataDir = mkdtempSync(join(tmpdir(), 'orlop-bench-'));
  const kernel = await startKernel({
    dataDir: openDataDir(dataDir),
    cacheDir: CACHE_DIR,
    nats: natsBy({ binary: await findServer(CACHE_DIR, console.error) }),
    plugins: module === undefined ? [] : [{ module }],
    loaders,
    follow,
    log: { debug() {}, info() {}, warn() {}, error: console.error },
  });
  try {
    await createMany(NODES, (index) =>
      kernel.objects.create(Nodes, {
        apiVersion: 'v1',
        kind: 'Node',
        metadata: {
          name: `node-${index}`,
          labels: {
            'kubernetes.io/hostname': `node-${index}`,
            'kubernetes.io/os': 'linux',
            'kubernetes.io/arch': 'amd64',
            'topology.kubernetes.io/zone': `zone-${index % 3}`,
            'node.orlop.dev/price': String(1 + (index % 10) / 10),
          },
        },
        status: { allocatable: { cpu: '16', memory: '64Gi', pods: '110' } },
      }),
    );
    await createMany(PODS, (index) => kernel.objects.create(Pods, pod(index)));
    return await run(kernel, name);
  } finally {
    await kernel.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function run(kernel: Kernel, name: string | undefined): Promise<Scheduled> {
  let first = 0;
  let bound = 0;
  let onCheapNodes = 0;
  const all = new Promise<void>((resolve) => {
    kernel.objects.watch(
      Pods,
      { initial: true },
      {
        event({ object }) {
          const node = object?.value.spec?.nodeName;
          if (node === undefined) return;
          if (bound === 0) first = performance.now();
          bound += 1;
          if (node.endsWith('0')) onCheapNodes += 1;
          if (bound === PODS) resolve();
        },
        closed() {},
      },
    );
  });
  const module = fileURLToPath(new URL('../plugins/scheduler/index.js', import.meta.url));
  const config = { scoreWeights: name === undefined ? {} : { [name]: 20 } };
  await kernel.objects.create(Plugins, { metadata: { name: 'scheduler' }, spec: { module, config } });
  await all;
  return { perSecond: ((PODS - 1) * 1_000) / (performance.now() - first), onCheapNodes };
}

function pod(index: number): Pod {
  const owner = `rs-${index % 50}`;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `pod-${index}`,
      namespace: 'default',
      labels: { app: owner },
      ownerReferences: [
        { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: owner, uid: owner, controller: true },
      ],
    },
    spec: {
      schedulerName: 'default-scheduler',
      containers: [{ name: 'main', image: 'i', resources: { requests: { cpu: '250m', memory: '256Mi' } } }],
    },
  };
}

async function createMany(count: number, create: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await create(next++);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
}
