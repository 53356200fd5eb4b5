/** Reconciles ConfigMaps: one that is asked for, for each annotated namespace. */
export function module(name: string): string {
  return `// @ts-check
import { ConfigMaps, controller, definePlugin, loopInstance, Namespaces, source } from 'orlop/plugin';

/** Annotate a namespace with it and there is a ConfigMap \`greeting\` in it. */
const ANNOTATION = '${name}/greeting';

/**
 * Called with the name of each namespace that changed; called again, later and later, when it throws.
 * @param {Pick<import('orlop/plugin').Context, 'objects'>} ctx @param {string} name
 */
export async function reconcile(ctx, name) {
  const namespace = (await ctx.objects.get(Namespaces, { name }, { revision: 0 }))?.value;
  const text = namespace?.metadata?.annotations?.[ANNOTATION];
  if (text === undefined || namespace?.metadata?.deletionTimestamp) return;
  const key = { namespace: name, name: 'greeting' };
  const existing = (await ctx.objects.get(ConfigMaps, key))?.value;
  if (existing?.data?.text === text) return;
  if (existing) await ctx.objects.update(ConfigMaps, { ...existing, data: { text } });
  else await ctx.objects.create(ConfigMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: key, data: { text } });
}

export default definePlugin({
  name: '${name}',
  kind: 'controller.v1',
  version: '0.1.0',
  description: 'Keeps a ConfigMap in each namespace that asks for it.',
  singleton: true,
  grants: {
    objects: [
      { resource: Namespaces, verbs: ['get', 'list', 'watch'] },
      { resource: ConfigMaps, verbs: ['get', 'create', 'update'] },
    ],
  },
  start: (ctx) =>
    loopInstance(() =>
      controller(ctx, { sources: [source(ctx, Namespaces)], reconcile: (name) => reconcile(ctx, name) }),
    ),
});
`;
}

export function test(): string {
  return `// @ts-check
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reconcile } from './index.mjs';

test('a namespace that asks for nothing gets nothing', async () => {
  const objects = /** @type {import('orlop/plugin').ObjectClient} */ (
    /** @type {unknown} */ ({
      get: async () => ({ value: { metadata: { name: 'n' } } }),
      create: () => assert.fail('nothing was asked for'),
    })
  );
  await reconcile({ objects }, 'n');
});
`;
}
