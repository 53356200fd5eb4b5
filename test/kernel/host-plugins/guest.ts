/** Reads ConfigMaps, Pods and Secrets when it is asked, and takes memory. */
import { threadId } from 'node:worker_threads';
import { ConfigMaps, definePlugin, Pods, Secrets } from 'orlop/plugin';

const hoard: unknown[] = [];

export default definePlugin<{ greedy: string }>({
  name: 'guest',
  kind: 'guest.v1',
  version: '1.0.0',
  description: 'Joins a worker of a test.',
  config: { type: 'object', properties: { greedy: { type: 'string', default: '' } } },
  grants: {
    objects: [
      { resource: ConfigMaps, verbs: ['list'] },
      { resource: Pods, verbs: ['list', 'create'] },
      { resource: Secrets, verbs: ['get'] },
    ],
    subscribe: ['guest.*'],
  },
  start(ctx) {
    ctx.bus.serve('guest.look', async () => ({
      thread: threadId,
      revision: ctx.plugin.revision,
      maps: (await ctx.objects.list(ConfigMaps)).items.length,
      pods: (await ctx.objects.list(Pods)).items.map(({ key }) => key.name),
      secret: (await ctx.objects.get(Secrets, { namespace: 'default', name: 's' }))?.value.data ?? null,
    }));
    if (ctx.config.greedy === 'heap') {
      setImmediate(() => {
        for (;;) hoard.push(Array.from({ length: 100_000 }, () => ({})));
      });
    }
    if (ctx.config.greedy === 'buffers') hoard.push(Buffer.alloc(100 * 2 ** 20, 1));
    return {};
  },
});
