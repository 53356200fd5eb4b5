/** A plugin for worker threads: counts in a ConfigMap, answers over the bus and a socket, and dies or hangs when told to. */
import { isMainThread, threadId } from 'node:worker_threads';
import { ConfigMaps, definePlugin, Secrets } from 'orlop/plugin';

export default definePlugin<{ word: string }>({
  name: 'echo',
  kind: 'echo.v1',
  version: '1.0.0',
  description: 'Runs in a worker thread of a test.',
  isolation: { worker: 'test' },
  config: { type: 'object', properties: { word: { type: 'string', default: 'echo' } } },
  grants: {
    objects: [
      { resource: ConfigMaps, verbs: '*' },
      { resource: Secrets, verbs: ['get'] },
    ],
    subscribe: ['echo.*'],
  },
  async start(ctx) {
    const inherited = (ctx.inherited?.state as string | undefined) ?? 'nobody';
    ctx.bus.serve('echo.who', () => ({
      word: ctx.config.word,
      main: isMainThread,
      thread: threadId,
      revision: ctx.plugin.revision,
      inherited,
    }));
    ctx.bus.serve('echo.secret', async () => {
      const secret = await ctx.objects.get(Secrets, { namespace: 'default', name: 's' });
      return secret?.value.data ?? null;
    });
    ctx.bus.subscribe('echo.die', () => {
      setImmediate(() => {
        throw new Error('told to die');
      });
    });
    ctx.bus.subscribe('echo.hang', () => {
      for (;;);
    });
    await ctx.objects.create(ConfigMaps, {
      metadata: { generateName: 'echo-', namespace: 'default' },
      data: { word: ctx.config.word },
    });
    return { drain: () => ({ schema: 1, state: ctx.config.word }) };
  },
});
