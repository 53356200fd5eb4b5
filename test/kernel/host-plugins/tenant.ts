/** A plugin for worker threads that holds one of everything: a watch, a subscription, a listening socket. */
import { ConfigMaps, definePlugin } from 'orlop/plugin';

export default definePlugin({
  name: 'tenant',
  kind: 'tenant.v1',
  version: '1.0.0',
  description: 'Comes and goes in a test.',
  isolation: { worker: 'tenant' },
  grants: {
    objects: [{ resource: ConfigMaps, verbs: ['list', 'watch'] }],
    subscribe: ['tenant.*'],
    host: ['net'],
  },
  async start(ctx) {
    ctx.objects.watch(ConfigMaps, { initial: true }, { event() {}, closed() {} });
    ctx.bus.serve('tenant.here', () => ctx.plugin.revision);
    await ctx.listen({ host: '127.0.0.1', port: 0 }, (socket) => void socket.end());
    return {};
  },
});
