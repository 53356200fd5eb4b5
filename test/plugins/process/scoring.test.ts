/** The score plugins that are shipped, each in a process of its own, steer a real scheduler. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Node, Nodes, Plugins, Pods } from 'orlop/plugin';
import t, { type Test } from 'tap';
import scheduler from '../../../plugins/scheduler/index.ts';
import { scoreComponent } from '../../../plugins/scoring/wasm/component.ts';
import { eventually, type TestKernel, testKernel } from '../../cluster.ts';
import { testdir } from '../../testdir.ts';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const python = `${root}plugins/scoring/python/plugin.json`;
const component = `${root}.build/generated/scoring-wasm/plugin.json`;
const PRICE = 'node.orlop.dev/price';

function node(name: string, price?: string): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: price === undefined ? {} : { [PRICE]: price } },
    status: { allocatable: { cpu: '1000', memory: '6400Gi', pods: '100000' } },
  };
}

let serial = 0;

async function create(kernel: TestKernel, count: number, cpu = '10m'): Promise<string[]> {
  const names = Array.from({ length: count }, () => `p-${++serial}`);
  await Promise.all(
    names.map((name) =>
      kernel.objects.create(Pods, {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, namespace: 'default' },
        spec: {
          schedulerName: 'default-scheduler',
          containers: [{ name: 'main', image: 'i', resources: { requests: { cpu } } }],
        },
      }),
    ),
  );
  return names;
}

/** How many of these pods each node has, once all are bound. */
async function places(kernel: TestKernel, names: readonly string[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const name of names) {
    const place = await eventually(
      `${name} is bound`,
      async () => (await kernel.objects.get(Pods, { namespace: 'default', name }))?.value.spec?.nodeName,
    );
    counts[place] = (counts[place] ?? 0) + 1;
  }
  return counts;
}

async function cluster(t: Test, plugins: string[], weights: object): Promise<TestKernel> {
  const kernel = await testKernel(t, {
    plugins: [scheduler, ...plugins.map((module) => ({ module }))],
    config: { scheduler: { scoreWeights: weights } },
    timing: { health: 500, restart: 50 },
  });
  for (const [name, price] of [
    ['dear', '3'],
    ['cheap', '1'],
    ['middling', '2'],
    ['free-of-label', undefined],
  ] as const)
    await kernel.objects.create(Nodes, node(name, price));
  return kernel;
}

const status = (kernel: TestKernel, name: string) => kernel.plugins().find((each) => each.name === name);

/** Of the running program: its process, a child of this one. */
function pidOf(script: string): number {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const parent = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')[1];
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      if (parent === String(process.pid) && command.includes(script)) return Number(pid);
    } catch {
      // It ended meanwhile.
    }
  }
  throw new Error(`no child runs ${script}`);
}

t.test('Python: loaded, configured and unloaded by its Plugin object', async (t) => {
  const kernel = await cluster(t, [], { 'cheap-nodes': 20 });
  t.ok(Object.keys(await places(kernel, await create(kernel, 20))).length > 1, 'without it pods are spread');
  const config = { packing: 0 };
  await kernel.objects.create(Plugins, {
    metadata: { name: 'cheap-nodes' },
    spec: { module: python, config },
  });
  await eventually('it runs', async () => {
    const { value } = (await kernel.objects.get(Plugins, { name: 'cheap-nodes' }))!;
    return value.status?.phase === 'Running' && value.status.isolation === 'process';
  });
  t.match(status(kernel, 'cheap-nodes'), {
    isolation: 'process',
    healthy: true,
    provides: ['scheduler-scoring.v1/cheap-nodes'],
  });
  t.same(await places(kernel, await create(kernel, 100)), { cheap: 100 });
  await kernel.objects.create(Nodes, node('cheaper', '0.5'));
  t.same(await places(kernel, await create(kernel, 50)), { cheaper: 50 }, 'it is told of a node that came');
  await kernel.objects.modify(Plugins, { name: 'cheap-nodes' }, (draft) => {
    draft.spec.config = { packing: 0, label: 'no.such/label' };
  });
  await eventually('it is configured anew', () => status(kernel, 'cheap-nodes')?.revision === 2);
  t.ok(Object.keys(await places(kernel, await create(kernel, 20))).length > 1, 'no label, no preference');
  await kernel.objects.delete(Plugins, { name: 'cheap-nodes' });
  await eventually('it is gone', () => status(kernel, 'cheap-nodes') === undefined);
  t.throws(() => pidOf('scorer.py'), 'and so is its process');
  await places(kernel, await create(kernel, 20));
});

t.test('WebAssembly: a component steers', async (t) => {
  const kernel = await cluster(t, [component], { 'most-allocated': 100 });
  t.match(status(kernel, 'most-allocated'), { phase: 'Running', isolation: 'process', healthy: true });
  const [first = ''] = Object.keys(await places(kernel, await create(kernel, 1, '5')));
  t.same(
    await places(kernel, await create(kernel, 20, '5')),
    { [first]: 20 },
    'onto the node that has a pod',
  );
  await kernel.objects.delete(Nodes, { name: first });
  const next = await places(kernel, await create(kernel, 1, '5'));
  t.same(
    await places(kernel, await create(kernel, 20, '5')),
    { [Object.keys(next)[0]!]: 20 },
    'then onto another',
  );
});

t.test('WebAssembly: a component that hangs, traps or is none', async (t) => {
  const wat = readFileSync(`${root}plugins/scoring/wasm/most-allocated.wat`, 'utf8');
  const dir = testdir(t, { 'plugin.json': readFileSync(component, 'utf8') });
  const module = `${dir}/plugin.json`;
  const write = async (instead: string): Promise<void> => {
    const changed = wat.replace('(local.set $size (call $size))', instead);
    writeFileSync(`${dir}/most-allocated.wasm`, await scoreComponent(changed));
  };
  const kernel = await cluster(t, [component], { 'most-allocated': 20 });
  await write('unreachable');
  await kernel.swap('most-allocated', { module });
  await places(kernel, await create(kernel, 10));
  await eventually('it is started again', () => (status(kernel, 'most-allocated')?.revision ?? 0) >= 3);
  await write('(loop $for-ever (br $for-ever))');
  await kernel.swap('most-allocated', { module });
  await sleep(1_000);
  await places(kernel, await create(kernel, 10));
  await eventually('it is told of', () =>
    status(kernel, 'most-allocated')?.message?.includes('health check took longer than 500 ms'),
  );
  const { revision } = status(kernel, 'most-allocated')!;
  await eventually('it is started again', () => status(kernel, 'most-allocated')!.revision > revision);
  writeFileSync(`${dir}/most-allocated.wasm`, 'no component');
  await t.rejects(kernel.swap('most-allocated', { module }), {
    message: /plugin "most-allocated" revision \d+: /,
  });
  await kernel.swap('most-allocated', { module: component });
  t.match(status(kernel, 'most-allocated'), { phase: 'Running', healthy: true });
});

t.test('Python: killed and swapped under a stream of pods', async (t) => {
  const kernel = await cluster(t, [python], { 'cheap-nodes': 20 });
  const names: string[] = [];
  const last = new Map<string, string>();
  const twice: string[] = [];
  const watch = kernel.objects.watch(
    Pods,
    { initial: true },
    {
      event({ object }) {
        const { name = '' } = object?.key ?? {};
        const place = object?.value.spec?.nodeName;
        if (place === undefined) return;
        if ((last.get(name) ?? place) !== place) twice.push(name);
        last.set(name, place);
      },
      closed() {},
    },
  );
  let streaming = true;
  const stream = (async () => {
    while (streaming) {
      names.push(...(await create(kernel, 20)));
      await sleep(50);
    }
  })();
  await eventually('pods are placed', () => last.size > 100);
  for (let round = 2; round <= 3; round++) {
    process.kill(pidOf('scorer.py'), 'SIGKILL');
    await eventually('it is started again', () => {
      const { revision = 0, phase } = status(kernel, 'cheap-nodes') ?? {};
      return phase === 'Running' && revision >= round;
    });
  }
  for (let round = 0; round < 5; round++) await kernel.swap('cheap-nodes', { module: python });
  process.kill(pidOf('scorer.py'), 'SIGSTOP');
  const stopped = last.size;
  await eventually('pods are placed without it', () => last.size > stopped + 100);
  await eventually('it is started again', () => (status(kernel, 'cheap-nodes')?.revision ?? 0) >= 9);
  streaming = false;
  await stream;
  await places(kernel, names);
  t.ok(names.length > 300, `${names.length} pods, all bound`);
  t.same(twice, [], 'none twice');
  watch.close();
  await eventually('it is heard again', async () => {
    const counts = await places(kernel, await create(kernel, 10));
    return counts['cheap'] === 10;
  });
});
