/** Serves requests and streams in a worker thread, and looks into the store for each after a moment. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread, threadId } from 'node:worker_threads';
import { ConfigMaps, definePlugin, StatusError } from 'orlop/plugin';

export default definePlugin<{ ill: boolean }>({
  name: 'servant',
  kind: 'servant.v1',
  version: '1.0.0',
  description: 'Is swapped under load in a test.',
  isolation: { worker: 'servant' },
  config: { type: 'object', properties: { ill: { type: 'boolean', default: false } } },
  grants: {
    objects: [{ resource: ConfigMaps, verbs: ['list', 'create'] }],
    subscribe: ['servant.*'],
    publish: ['served.*'],
  },
  start(ctx) {
    const { revision } = ctx.plugin;
    const { ill } = ctx.config;
    const answer = async (): Promise<number> => {
      if (ill) throw new StatusError('InternalError', 'was asked before it was known to be well');
      await sleep(Math.random() * 4);
      await ctx.objects.list(ConfigMaps, { namespace: 'default' });
      return revision;
    };
    ctx.bus.serve('servant.ask', async (id) => {
      ctx.bus.publish('served.ask', id);
      return await answer();
    });
    ctx.bus.serve('servant.queue', answer, { queue: 'servants' });
    ctx.bus.acceptStreams('servant.stream', async (_, stream) => {
      const text = String(await answer());
      stream.resume().end(text);
    });
    // The number of its predecessors that handed over.
    const generation = ((ctx.inherited?.state as number | undefined) ?? -1) + 1;
    ctx.bus.serve('servant.who', () => ({
      thread: isMainThread ? 'main' : threadId,
      revision: ctx.plugin.revision,
      generation,
    }));
    return {
      drain: () => ({ schema: 1, state: generation }),
      health: () => ({ healthy: !ill, message: 'told to be ill' }),
    };
  },
});
