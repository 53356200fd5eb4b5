/** The node agent against the suite of its kind, and what the suite finds of one that does not conform. */
import { definePlugin, type Json, Nodes, type PluginDeclaration, type Runtime } from 'orlop/plugin';
import t, { type Test } from 'tap';
import node from '../../../plugins/node/index.ts';
import identity from '../../../plugins/secrets/identity/index.ts';
import { testKernel } from '../../cluster.ts';
import { type Checks, idle, type NodeFixture, nodeConformance, runChecks } from '../../conformance/index.ts';
import { fakeNode } from './cluster.ts';

t.jobs = 2;

/** The agent, but it takes a pod for another of its name, ends all pods when it starts, and says that its node takes pods whatever others say. */
const careless = definePlugin({
  ...(node as PluginDeclaration),
  async start(ctx) {
    const acceptStreams: typeof ctx.bus.acceptStreams = (subject, handler) =>
      ctx.bus.acceptStreams(subject, (params, ...rest) =>
        handler({ ...(params as Record<string, Json>), uid: undefined }, ...rest),
      );
    const { runtimes } = ctx.services as unknown as { runtimes: ReadonlyMap<string, Runtime> };
    for (const runtime of runtimes.values())
      for (const { id } of await runtime.listPodSandbox()) await runtime.stopPodSandbox(id);
    const key = { name: ctx.kernel.node! };
    if (await ctx.objects.get(Nodes, key))
      await ctx.objects.modify(Nodes, key, (draft) => void Object.assign(draft, { spec: {} }));
    return node.start({ ...ctx, bus: { ...ctx.bus, acceptStreams } } as never);
  },
});

t.test('the node agent conforms', { buffered: true }, async (t) => {
  await nodeConformance(t as unknown as Checks, 'node', () => fixture(t, node as PluginDeclaration));
});

t.test('a suite finds what does not conform', { buffered: true }, async (t) => {
  const lines: string[] = [];
  await runChecks(
    'careless',
    (checks) => nodeConformance(checks, 'careless', () => fixture(t, careless as PluginDeclaration)),
    (line) => lines.push(line),
  );
  const failed = lines.filter((line) => line.includes('FAILED')).join('\n');
  for (const what of [
    /logs: one that was replaced/,
    /a swap leaves running pods alone/,
    /what others say of the Node/,
  ])
    t.match(failed, what);
  t.notMatch(failed, /goes through/);
});

async function fixture(t: Test, plugin: PluginDeclaration): Promise<NodeFixture> {
  const { runtime, plugins } = fakeNode(t);
  const kernel = await testKernel(t, {
    node: 'n1',
    plugins: [identity, ...plugins.filter((each) => each !== node), plugin],
    config: { node: { crashLoopBaseMs: 50 } },
  });
  const swap = (): Promise<void> => kernel.swap('node', plugin);
  return {
    objects: kernel.objects,
    bus: kernel.bus,
    node: 'n1',
    runtime,
    swap,
    async away() {
      await kernel.swap('node', idle(plugin));
      return swap;
    },
  };
}
