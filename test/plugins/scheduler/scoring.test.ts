/** Score plugins outside the scheduler, in a real kernel. */
import {
  definePlugin,
  type Node,
  Nodes,
  type PluginDeclaration,
  Pods,
  provide,
  type ScorePlugin,
  ScorePlugins,
  type ScoreRequest,
  ScoringTable,
} from 'orlop/plugin';
import t from 'tap';
import scheduler from '../../../plugins/scheduler/index.ts';
import { eventually, type TestKernel, testKernel } from '../../cluster.ts';

function scorer(name: string, score: ScorePlugin['score']): PluginDeclaration {
  return definePlugin({
    name,
    kind: 'scheduler-scoring.v1',
    version: '1.0.0',
    description: 'Scores for a test.',
    provides: [ScorePlugins],
    start: () => ({ provides: [provide(ScorePlugins, { score }, name)] }),
  });
}

/** Gives 100 to one node, and records what it was asked. */
function favours(node: string, requests: ScoreRequest[] = []): PluginDeclaration {
  const table = new ScoringTable();
  return scorer('favours', async (request) => {
    requests.push(request);
    if (!table.apply(request.nodes)) return { resync: true };
    const vector = Array.from({ length: table.size }, (_, row) => (table.names[row] === node ? 100 : 0));
    return { scores: request.pods.map(() => vector) };
  });
}

function node(name: string, cpu = '16'): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { 'kubernetes.io/hostname': name } },
    status: { allocatable: { cpu, memory: '64Gi', pods: '110' } },
  };
}

async function nodes(kernel: TestKernel, ...names: string[]): Promise<void> {
  for (const name of names) await kernel.objects.create(Nodes, node(name));
}

let serial = 0;

/** The nodes that these many new pods are bound to. */
async function place(kernel: TestKernel, count: number, cpu = '10m'): Promise<(string | undefined)[]> {
  const created = await Promise.all(
    Array.from({ length: count }, () => {
      const name = `p-${++serial}`;
      const containers = [{ name: 'main', image: 'i', resources: { requests: { cpu } } }];
      return kernel.objects.create(Pods, {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, namespace: 'default' },
        spec: { containers, schedulerName: 'default-scheduler' },
      });
    }),
  );
  return await Promise.all(
    created.map(({ key }) =>
      eventually(
        `${key.name} is bound`,
        async () => (await kernel.objects.get(Pods, key))?.value.spec?.nodeName,
      ),
    ),
  );
}

const all = (node: string, count: number): string[] => Array.from({ length: count }, () => node);
const heavy = { scheduler: { scoreWeights: { favours: 10 } } };
const message = (kernel: TestKernel): string | undefined =>
  kernel.plugins().find(({ name }) => name === 'scheduler')?.message;

t.test('a score plugin steers, within what the filters allow', async (t) => {
  const requests: ScoreRequest[] = [];
  const kernel = await testKernel(t, { plugins: [scheduler, favours('b', requests)], config: heavy });
  await nodes(kernel, 'a', 'b', 'c');
  t.same(await place(kernel, 30), all('b', 30));
  t.ok(requests.filter(({ pods }) => pods.length > 0).length < 30, 'several pods were scored at once');
  const before = requests.length;
  t.same(await place(kernel, 1), ['b']);
  const { sequence, nodes: changed, requested } = requests[before]!.nodes;
  t.ok(sequence > 0 && changed.row.length === 0, 'what it knows is not sent again');
  t.same(requested.row.length, 1, 'but what has changed is');
  t.match(requests[before]!.pods[0], { requests: { cpu: 10, pods: 1 }, pod: { spec: { containers: [{}] } } });
  const places = await place(kernel, 2, '10');
  t.same(places.sort(), ['a', 'b'].includes(places[0]!) ? ['a', 'b'] : ['b', 'c'], 'one had no room on b');

  await kernel.objects.delete(Nodes, { name: 'b' });
  t.notOk((await place(kernel, 5)).includes('b'), 'a node that is gone gets no pods');
  await kernel.swap('favours', favours('c', requests));
  t.same(await place(kernel, 5), all('c', 5), 'its successor is told of all nodes');
  await nodes(kernel, 'd');
  await kernel.swap('favours', favours('d'));
  t.same(await place(kernel, 5), all('d', 5), 'also of one that has the row of one that went');
});

t.test('weights are configured, and 0 leaves a plugin out', async (t) => {
  const requests: ScoreRequest[] = [];
  const config = { scheduler: { scoreWeights: { favours: 0 } } };
  const kernel = await testKernel(t, { plugins: [scheduler, favours('b', requests)], config });
  await nodes(kernel, 'a', 'b');
  t.same([...new Set(await place(kernel, 20))].sort(), ['a', 'b']);
  t.equal(requests.length, 0);
});

t.test('none can stop scheduling', async (t) => {
  let asked = 0;
  const broken: Record<string, ScorePlugin['score']> = {
    hangs: () => new Promise(() => {}),
    throws: () => Promise.reject(new Error('no idea')),
    'is-short': async ({ pods }) => ({ scores: pods.map(() => [1]) }),
    'is-high': async ({ pods, nodes }) => ({ scores: pods.map(() => Array(nodes.size).fill(101)) }),
    'is-no-number': async ({ pods, nodes }) => ({
      scores: pods.map(() => Array(nodes.size).fill(Number.NaN)),
    }),
    resyncs: async () => ({ resync: true }),
    'says-nothing': async () => {
      asked += 1;
      return undefined as never;
    },
  };
  const plugins = Object.entries(broken).map(([name, score]) => scorer(name, score));
  const config = { scheduler: { scoreTimeoutMilliseconds: 50, scoreWeights: { favours: 10 } } };
  const timing = { health: 50 };
  const kernel = await testKernel(t, {
    plugins: [scheduler, favours('b'), ...plugins],
    config,
    timing,
  });
  await nodes(kernel, 'a', 'b', 'c', 'd');
  t.same(await place(kernel, 100), all('b', 100), 'the one that is well is heard');
  t.ok(asked < 10, 'one that fails is not asked all the time');
  await eventually('the scheduler tells', () => message(kernel));
  t.match(message(kernel), /without score plugin "hangs": it took longer than 50 ms/);
  t.match(message(kernel), /"throws": no idea/);
  t.match(message(kernel), /"is-short": scores\[0\] must be null or a list of 4/);
  t.match(message(kernel), /"is-high": scores\[0\]\[0\] is 101, not a number from 0 to 100/);
  t.match(message(kernel), /"resyncs": it asks for the whole table/);
  await kernel.swap('hangs', scorer('hangs', favoursNothing));
  await eventually('it is asked again', async () => {
    await place(kernel, 1);
    return !message(kernel)?.includes('"hangs"');
  });
});

const favoursNothing: ScorePlugin['score'] = async ({ pods }) => ({ scores: pods.map(() => null) });

t.test('a pod that goes or changes while it is being scored', async (t) => {
  let release: (() => void) | undefined;
  const slow = scorer('slow', async (request) => {
    if (request.pods.length > 0) await new Promise<void>((resolve) => (release = resolve));
    return await favoursNothing(request);
  });
  const config = { scheduler: { scoreTimeoutMilliseconds: 20_000 } };
  const kernel = await testKernel(t, { plugins: [scheduler, slow], config });
  await nodes(kernel, 'a');
  const create = async (name: string) =>
    await kernel.objects.create(Pods, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'default' },
      spec: { containers: [{ name: 'main', image: 'i' }], schedulerName: 'default-scheduler' },
    });
  await create('goes');
  await eventually('it is being scored', () => release);
  const first = release!;
  await kernel.objects.delete(Pods, { namespace: 'default', name: 'goes' });
  await create('comes');
  await new Promise((resolve) => setTimeout(resolve, 50));
  t.equal(release, first, 'one batch at a time');
  release = undefined;
  first();
  await eventually('the next is being scored', () => release);
  await kernel.objects.modify(Pods, { namespace: 'default', name: 'comes' }, (draft) => {
    draft.metadata!.labels = { changed: 'yes' };
  });
  release!();
  await eventually('it is bound as it is now', async () => {
    release?.();
    const { value } = (await kernel.objects.get(Pods, { namespace: 'default', name: 'comes' }))!;
    return value.spec?.nodeName === 'a' && value.metadata?.labels?.['changed'] === 'yes';
  });
  t.equal((await kernel.objects.list(Pods)).items.length, 1);
});
