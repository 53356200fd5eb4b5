import { Plugins } from 'orlop/plugin';
import t from 'tap';
import { eventually, testKernel } from '../cluster.ts';

const CYCLES = 200;

/** Takes one of everything that the host owns for a plugin, and gives nothing back itself. */
const module = `data:text/javascript,${encodeURIComponent(`export default {
  name: 'hoarder', kind: 'hoarder.v1', version: '1', description: 'Takes.',
  config: { type: 'object', properties: { port: { type: 'integer' } } },
  grants: {
    objects: [{ resource: '*', verbs: '*' }],
    subscribe: ['hoard.*'],
    host: ['net'],
  },
  async start(ctx) {
    ctx.bus.subscribe('hoard.a', () => {});
    ctx.bus.serve('hoard.b', () => 'served');
    ctx.objects.watch(
      { group: '', version: 'v1', resource: 'configmaps', kind: 'ConfigMap', namespaced: true },
      { initial: true },
      { event() {}, closed() {} },
    );
    await ctx.listen({ host: '127.0.0.1', port: ctx.config.port }, (socket) => socket.end());
    return {};
  },
};`)}`;

t.test('of a plugin loaded and unloaded again and again nothing stays', async (t) => {
  const kernel = await testKernel(t);
  const isThere = (): boolean => kernel.plugins().some(({ name }) => name === 'hoarder');
  const cycle = async (): Promise<void> => {
    await kernel.objects.create(Plugins, {
      apiVersion: 'orlop.dev/v1',
      kind: 'Plugin',
      metadata: { name: 'hoarder' },
      spec: { module, config: { port: 0 } },
    });
    await eventually('it runs', () => kernel.plugins().some(({ phase }) => phase === 'Running'));
    await kernel.objects.delete(Plugins, { name: 'hoarder' });
    await eventually('it is gone', () => !isThere());
    await eventually('and its object', async () => {
      return (await kernel.objects.get(Plugins, { name: 'hoarder' })) === undefined;
    });
  };
  const held = (): string[] =>
    process
      .getActiveResourcesInfo()
      .filter((each) => !/^(Immediate|FSReq)/.test(each))
      .sort();
  await cycle();
  const before = held();
  for (let index = 0; index < CYCLES; index++) await cycle();
  await eventually('as many handles as before', () => held().length <= before.length, 10_000).catch(
    () => undefined,
  );
  t.same(held(), before, 'no handle is left');
  await t.rejects(kernel.bus.request('hoard.b', null), 'nobody serves any more');
});
