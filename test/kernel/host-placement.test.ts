/** Several kernels on one NATS: each decides by a `Plugin` object's placement what it runs, and says so in its own part of the status. */
import { type Node, Nodes, type PluginObject, Plugins } from 'orlop/plugin';
import t, { type Test } from 'tap';
import { eventually, type TestKernel, type TestKernelOptions, testKernel } from '../cluster.ts';

const timing = { lease: 400, restart: 50, health: 100 };

function module(version: string, body = '', name = 'greeter', rest = ''): string {
  const text = `export default {
    name: '${name}', kind: 'greeter.v1', version: '${version}', description: 'Greets.', ${rest}
    start(ctx) { ${body} return {}; },
  };`;
  return `data:text/javascript,${encodeURIComponent(text)}`;
}

interface Cluster {
  server: TestKernel;
  /** Stand for nodes `a` and `b`. */
  a: TestKernel;
  b: TestKernel;
}

async function cluster(t: Test, options: TestKernelOptions = {}): Promise<Cluster> {
  const server = await testKernel(t, { ...options, timing, roles: ['server'] });
  const node = async (name: string): Promise<TestKernel> => {
    await server.objects.create(Nodes, { metadata: { name } });
    return await testKernel(t, { ...options, timing, roles: ['node'], node: name, join: server });
  };
  return { server, a: await node('a'), b: await node('b') };
}

/** Version that each runs: `server a b`. */
function versions({ server, a, b }: Cluster, name = 'greeter'): string {
  return [server, a, b]
    .map((kernel) => kernel.plugins().find((each) => each.name === name && each.phase === 'Running'))
    .map((found) => found?.version ?? '-')
    .join(' ');
}

async function runs(all: Cluster, expected: string): Promise<void> {
  await eventually(`${expected} run`, () => versions(all) === expected).catch((error: unknown) => {
    throw new Error(`${String(error)}; but ${versions(all)}`);
  });
}

async function status(
  { server }: Cluster,
  what: string,
  expected: (status: NonNullable<PluginObject['status']>) => unknown,
): Promise<NonNullable<PluginObject['status']>> {
  return await eventually(what, async () => {
    const found = (await server.objects.get(Plugins, { name: 'greeter' }))?.value;
    return found?.status && expected(found.status) ? found.status : undefined;
  });
}

async function ask({ server }: Cluster, spec: PluginObject['spec']): Promise<void> {
  const there = await server.objects.get(Plugins, { name: 'greeter' });
  if (!there) await server.objects.create(Plugins, { metadata: { name: 'greeter' }, spec });
  else
    await server.objects.modify(Plugins, { name: 'greeter' }, (draft) => void Object.assign(draft, { spec }));
}

async function label({ server }: Cluster, name: string, labels: Record<string, string>): Promise<void> {
  await server.objects.modify(Nodes, { name }, (draft: Node) => {
    draft.metadata = { ...draft.metadata, labels };
  });
}

t.test('a new plugin runs where its placement says', async (t) => {
  const all = await cluster(t);
  const { server, a, b } = all;
  await ask(all, { module: module('1') });
  await runs(all, '1 - -');
  await ask(all, { module: module('1'), placement: { roles: ['node'] } });
  await runs(all, '- 1 1');
  const both = await status(
    all,
    'both say so',
    ({ observedGeneration, kernels, instances }) =>
      observedGeneration === 2 && kernels?.length === 2 && instances?.length === 2,
  );
  t.match(both, { phase: 'Running', healthy: true, observedGeneration: 2, kernels: [a.id, b.id].sort() });
  t.same(both.instances?.map(({ node, phase }) => `${node} ${phase}`).sort(), ['a Running', 'b Running']);

  await ask(all, { module: module('2'), placement: { nodeSelector: { disk: 'ssd' } } });
  await runs(all, '- - -');
  const nowhere = await status(all, 'nobody has it', ({ instances }) => instances?.length === 0);
  t.match(nowhere, { phase: 'Pending', message: /no kernel that is up runs it: see spec/ });
  await label(all, 'b', { disk: 'ssd' });
  await runs(all, '- - 2');
  await label(all, 'a', { disk: 'ssd', zone: 'x' });
  await label(all, 'b', {});
  await runs(all, '- 2 -');
  await ask(all, {
    module: module('2'),
    placement: { roles: ['server'], nodeSelector: { disk: 'ssd' } },
  });
  await runs(all, '- - -');

  await ask(all, { module: module('3'), placement: { roles: ['server', 'node'] } });
  await runs(all, '3 3 3');
  await server.objects.delete(Plugins, { name: 'greeter' });
  await runs(all, '- - -');
});

t.test("a kernel's own plugin is replaced where the placement says, and stays elsewhere", async (t) => {
  const all = await cluster(t, { plugins: [{ module: module('1') }] });
  await runs(all, '1 1 1');
  await ask(all, { module: module('2'), placement: { nodeSelector: { canary: 'yes' } } });
  await label(all, 'a', { canary: 'yes' });
  await runs(all, '1 2 1');
  await label(all, 'b', { canary: 'yes' });
  await runs(all, '1 2 2');
  await label(all, 'a', {});
  await runs(all, '1 1 2');
  await ask(all, { placement: { roles: ['node'] } });
  await runs(all, '- 1 1');
  await ask(all, {});
  await runs(all, '1 1 1');
  await all.server.objects.delete(Plugins, { name: 'greeter' });
  await status(all, 'its object comes back', ({ instances }) => instances?.length === 3);
});

t.test('a required plugin is not placed away', async (t) => {
  const all = await cluster(t, { plugins: [{ module: module('1', '', 'greeter', 'required: true,') }] });
  await ask(all, { placement: { roles: ['node'] } });
  const refused = await status(all, 'it is refused', ({ conditions }) => conditions?.[0]?.status === 'False');
  t.match(refused.conditions?.[0]?.message, `kernel ${all.server.id}: plugin "greeter" is required here`);
  t.equal(versions(all), '1 1 1');
});

t.test('each kernel says how it is there, and the whole is as the worst of them', async (t) => {
  const all = await cluster(t);
  const { a, b } = all;
  const placement = { roles: ['node'] };
  const failing = `if (ctx.kernel.node === 'b') throw new Error('no such disk');`;
  await ask(all, { module: module('1', failing), placement });
  const failed = await status(
    all,
    'it is shown',
    ({ phase, kernels, instances = [] }) =>
      phase === 'Failed' && kernels?.length === 1 && instances.some(({ restarts = 0 }) => restarts > 0),
  );
  t.match(failed, { phase: 'Failed', healthy: false, kernels: [a.id] });
  t.match(failed.message, /^node b: plugin "greeter" revision \d+: no such disk; trying again in 0\.\d+ s$/);
  t.match(
    failed.instances,
    [a.id, b.id].sort().map((id) => ({ kernel: id, phase: id === a.id ? 'Running' : 'Failed' })),
  );
  t.match(failed.instances?.find(({ kernel }) => kernel === b.id)?.lastError, /no such disk/);

  const unready = `if (ctx.kernel.node === 'b') return { health: () => ({ healthy: false, message: 'fever' }) };`;
  await ask(all, { module: module('2', unready), placement });
  await status(all, 'the first is swapped', ({ instances }) =>
    instances?.some(({ version }) => version === '2'),
  );
  await ask(all, { module: module('3'), placement });
  const well = await status(
    all,
    'all is well',
    ({ healthy, instances }) =>
      healthy && instances?.every(({ phase, version }) => phase === 'Running' && version === '3'),
  );
  t.match(well, { phase: 'Running', version: '3' });
  t.notOk('message' in well);

  await ask(all, {
    module: module('4', `if (ctx.kernel.node === 'a') throw new Error('not here');`),
    placement,
  });
  const refused = await status(all, 'one refuses', ({ conditions }) => conditions?.[0]?.status === 'False');
  t.match(refused.conditions?.[0]?.message, /^node a: plugin "greeter" was not swapped, .*not here/);
  await runs(all, '- 3 4');
});

t.test('what a kernel that is gone has said is struck off, and said again when it is back', async (t) => {
  const all = await cluster(t);
  await ask(all, { module: module('1'), placement: { roles: ['node'] } });
  await status(all, 'both run', ({ kernels }) => kernels?.length === 2);
  await all.server.objects.modify(Plugins, { name: 'greeter' }, (draft) => {
    draft.status!.instances!.push({
      kernel: 'gone-1',
      phase: 'Running',
      observedGeneration: 1,
      healthy: true,
    });
  });
  await status(all, 'it is struck off', ({ instances }) => instances?.length === 2);
  await all.b.stop();
  const one = await status(all, 'one that stops goes', ({ instances }) => instances?.length === 1);
  t.same(one.kernels, [all.a.id]);
  await all.b.restart();
  await status(all, 'and comes back', ({ kernels }) => kernels?.length === 2);
});

t.test('a module that is not what the object says is refused', async (t) => {
  const all = await cluster(t);
  for (const [spec, message] of [
    [{ version: '2' }, /is to be of version 2, but data:.* declares version 1: change the one or the other/],
    [{ kind: 'greeter.v2' }, /is to be of kind greeter\.v2, but data:.* declares kind greeter\.v1/],
    [{ isolation: 'thread' }, /spec\.isolation "thread" is none of inline, process and worker\/NAME/],
  ] as const) {
    await ask(all, { module: module('1'), ...spec });
    await status(all, JSON.stringify(spec), (found) => message.test(found.message ?? ''));
  }
  await ask(all, { module: module('1'), version: '1', kind: 'greeter.v1', isolation: 'inline' });
  await runs(all, '1 - -');
});
