/** Spreads pods: the node with the fewest. */
export function module(name: string): string {
  return `// @ts-check
import { controller, definePlugin, isPodTerminal, loopInstance, Nodes, objectKey, Pods, source } from 'orlop/plugin';

/**
 * The ready node with the fewest pods, if there is one.
 * @param {readonly import('orlop/plugin').Node[]} nodes @param {readonly import('orlop/plugin').Pod[]} pods
 */
export function choose(nodes, pods) {
  const count = new Map(
    nodes
      .filter((node) => !node.spec?.unschedulable)
      .filter((node) => node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True'))
      .map((node) => [node.metadata?.name ?? '', 0]),
  );
  for (const pod of pods) {
    const on = pod.spec?.nodeName ?? '';
    const pods = count.get(on);
    if (pods !== undefined && !isPodTerminal(pod)) count.set(on, pods + 1);
  }
  return [...count].sort(([, a], [, b]) => a - b)[0]?.[0];
}

/** @param {import('orlop/plugin').Context} ctx */
function run(ctx) {
  return controller(ctx, {
    sources: [source(ctx, Pods, (pod) => (pod.spec?.nodeName ? [] : [pod.metadata?.namespace + '/' + pod.metadata?.name]))],
    concurrency: 1,
    async reconcile(key) {
      const [namespace, name = ''] = key.split('/');
      const pod = (await ctx.objects.get(Pods, { namespace, name }, { revision: 0 }))?.value;
      if (!pod?.spec || pod.spec.nodeName || pod.metadata?.deletionTimestamp) return;
      const [nodes, pods] = await Promise.all([ctx.objects.list(Nodes), ctx.objects.list(Pods)]);
      const node = choose(nodes.items.map(({ value }) => value), pods.items.map(({ value }) => value));
      // No place now: look again in a second.
      if (!node) return { after: 1_000 };
      // Its resourceVersion makes this a Conflict, and so another try, when the pod has changed meanwhile.
      await ctx.objects.update(Pods, { ...pod, spec: { ...pod.spec, nodeName: node } });
      ctx.log.info('bound', { pod: objectKey(pod).name, node });
    },
  });
}

export default definePlugin({
  name: '${name}',
  kind: 'scheduler.v1',
  version: '0.1.0',
  description: 'Gives each pod the node with the fewest pods.',
  singleton: true,
  grants: {
    objects: [
      { resource: Pods, verbs: ['get', 'list', 'watch', 'update'] },
      { resource: Nodes, verbs: ['get', 'list', 'watch'] },
    ],
  },
  start: (ctx) => loopInstance(() => run(ctx)),
});
`;
}

export function test(): string {
  return `// @ts-check
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { choose } from './index.mjs';

/** @param {string} name @returns {import('orlop/plugin').Node} */
const node = (name) => ({ metadata: { name }, status: { conditions: [{ type: 'Ready', status: 'True' }] } });

test('the node with the fewest pods is chosen', () => {
  const pod = { spec: { nodeName: 'a', containers: [] } };
  assert.equal(choose([node('a'), node('b')], [pod]), 'b');
  assert.equal(choose([], [pod]), undefined);
});
`;
}
