import { definePlugin, Secrets } from 'orlop/plugin';

/** Says what it reads in Secrets, in a worker thread. */
export default definePlugin({
  name: 'secretreader',
  kind: 'test.v1',
  version: '1.0.0',
  description: 'Reads Secrets.',
  isolation: { worker: 'reader' },
  grants: { objects: [{ resource: Secrets, verbs: ['list'] }], subscribe: ['reader.*'] },
  start(ctx) {
    ctx.bus.serve(`reader.${ctx.kernel.node}`, async () => {
      const { items } = await ctx.objects.list(Secrets);
      return items.map(({ value }) => value.data!['n']!).sort();
    });
    return {};
  },
});
