/** Reconciles ConfigMaps: one that is asked for, for each annotated namespace. */
export function module(name: string): string {
  return `// @ts-check
import { ConfigMaps, controller, definePlugin, loopInstance, Namespaces, source } from 'orlop/plugin';

/** Annotate a namespace with it and there is a ConfigMap of that name in it. */
const ANNOTATION = '${name}/greeting';
const GREETING = 'greeting';

/**
 * Called with the name of each namespace that changed, itself or its ConfigMap; called again, later and later, when it throws.
 * @param {Pick<import('orlop/plugin').Context, 'objects'>} ctx @param {string} name
 */
export async function reconcile(ctx, name) {
  const namespace = (await ctx.objects.get(Namespaces, { name }, { revision: 0 }))?.value;
  const text = namespace?.metadata?.annotations?.[ANNOTATION];
  if (text === undefined || namespace?.metadata?.deletionTimestamp) return;
  const key = { namespace: name, name: GREETING };
  const existing = (await ctx.objects.get(ConfigMaps, key))?.value;
  if (existing?.data?.text === text) return;
  // Its resourceVersion makes this a Conflict, and so another try, when somebody else has changed it meanwhile.
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
      { resource: ConfigMaps, verbs: ['get', 'list', 'watch', 'create', 'update'] },
    ],
  },
  start: (ctx) =>
    loopInstance(() =>
      controller(ctx, {
        sources: [
          source(ctx, Namespaces),
          source(ctx, ConfigMaps, ({ metadata }) => (metadata?.name === GREETING ? [metadata.namespace ?? ''] : [])),
        ],
        reconcile: (name) => reconcile(ctx, name),
      }),
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

export function conformance(name: string): string {
  return `// @ts-check
import { ConfigMaps, Namespaces } from 'orlop/plugin';

/**
 * What \`orlop plugin test\` cannot guess: what the controller is for, and how to see that it is done.
 * @type {import('orlop/conformance').ControllerTask}
 */
const greeting = {
  ask: ({ objects, name }) =>
    objects.create(Namespaces, { metadata: { name, annotations: { '${name}/greeting': 'hello' } } }),
  done: async ({ objects, name: namespace }) =>
    (await objects.get(ConfigMaps, { namespace, name: 'greeting' }))?.value.data?.text === 'hello',
  undo: ({ objects, name: namespace }) => objects.delete(ConfigMaps, { namespace, name: 'greeting' }),
  others: ({ objects, name }) =>
    objects.create(ConfigMaps, { metadata: { namespace: name + '-other', name: 'greeting' }, data: { text: 'mine' } }),
};

export default { tasks: [greeting] };
`;
}
