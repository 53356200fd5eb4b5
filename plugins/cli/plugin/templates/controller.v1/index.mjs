import { ConfigMaps, controller, definePlugin, loopInstance, Namespaces, source } from 'orlop/plugin';

/** @import { ConfigMap, Context } from 'orlop/plugin' */

/** Annotate a namespace with it and there is a ConfigMap `greeting` in it. */
const ANNOTATION = 'my-plugin/greeting';
const GREETING = 'greeting';

/**
 * Called with the name of each namespace that changed, itself or its ConfigMap; called again, later and later, when it throws.
 * @param {Pick<Context, 'objects'>} ctx @param {string} name
 */
export async function reconcile(ctx, name) {
  const namespace = (await ctx.objects.get(Namespaces, { name }, { revision: 0 }))?.value;
  const text = namespace?.metadata?.annotations?.[ANNOTATION];
  if (text === undefined || namespace?.metadata?.deletionTimestamp) return;
  const metadata = { namespace: name, name: GREETING };
  const existing = (await ctx.objects.get(ConfigMaps, metadata))?.value;
  if (existing?.data?.text === text) return;
  // Its resourceVersion makes this a Conflict, and so another try, when somebody else has changed it meanwhile.
  if (existing) await ctx.objects.update(ConfigMaps, { ...existing, data: { text } });
  else await ctx.objects.create(ConfigMaps, { metadata, data: { text } });
}

/** @param {ConfigMap} configMap */
const namespaceOf = ({ metadata }) => (metadata?.name === GREETING ? [metadata.namespace ?? ''] : []);

export default definePlugin({
  name: 'my-plugin',
  kind: 'controller.v1',
  version: '0.1.0',
  description: 'Keeps a ConfigMap in each namespace that asks for it.',
  singleton: true,
  grants: {
    objects: [
      { resource: Namespaces, verbs: ['get', 'list', 'watch'] },
      { resource: ConfigMaps, verbs: ['get', 'list', 'watch', 'create', 'update'] },
    ],
  },
  start: (ctx) =>
    loopInstance(() =>
      controller(ctx, {
        sources: [source(ctx, Namespaces), source(ctx, ConfigMaps, namespaceOf)],
        reconcile: (name) => reconcile(ctx, name),
      }),
    ),
});
