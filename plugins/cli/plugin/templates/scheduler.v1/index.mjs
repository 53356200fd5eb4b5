import {
  controller,
  definePlugin,
  isPodTerminal,
  keyOfObject,
  loopInstance,
  Nodes,
  Pods,
  source,
} from 'orlop/plugin';

/** @import { Context, Node, Pod } from 'orlop/plugin' */

/** Pods that name no other. */
const SCHEDULER = 'default-scheduler';

/** @param {Node} node */
function isReady({ spec, status }) {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  return !spec?.unschedulable && ready?.status === 'True';
}

/** @param {Pod} pod */
function isWaiting({ spec, metadata }) {
  return !spec?.nodeName && spec?.schedulerName === SCHEDULER && !metadata?.deletionTimestamp;
}

/**
 * Of the ready nodes that the pod selects, the one with the fewest pods, if there is one.
 * @param {Pod} pod @param {readonly Node[]} nodes @param {readonly Pod[]} pods
 */
export function choose({ spec }, nodes, pods) {
  const selected = Object.entries(spec?.nodeSelector ?? {});
  const open = nodes
    .filter(isReady)
    .filter(({ metadata }) => selected.every(([label, value]) => metadata?.labels?.[label] === value));
  const count = new Map(open.map(({ metadata }) => [metadata?.name ?? '', 0]));
  for (const pod of pods) {
    const on = pod.spec?.nodeName ?? '';
    const before = count.get(on);
    if (before !== undefined && !isPodTerminal(pod)) count.set(on, before + 1);
  }
  return [...count].sort(([, a], [, b]) => a - b)[0]?.[0];
}

/** @param {Context} ctx */
function run(ctx) {
  return controller(ctx, {
    sources: [source(ctx, Pods, (pod) => (isWaiting(pod) ? [keyOfObject(pod)] : []))],
    concurrency: 1,
    async reconcile(key) {
      const [namespace, name = ''] = key.split('/');
      const pod = (await ctx.objects.get(Pods, { namespace, name }))?.value;
      if (!pod?.spec || !isWaiting(pod)) return;
      const [nodes, pods] = await Promise.all([ctx.objects.list(Nodes), ctx.objects.list(Pods)]);
      const nodeName = choose(
        pod,
        nodes.items.map(({ value }) => value),
        pods.items.map(({ value }) => value),
      );
      // No place now: look again in a second.
      if (!nodeName) return { after: 1_000 };
      // Its resourceVersion makes this a Conflict, and so another try, when the pod has changed meanwhile.
      await ctx.objects.update(Pods, { ...pod, spec: { ...pod.spec, nodeName } });
      ctx.log.info('bound', { pod: key, node: nodeName });
    },
  });
}

export default definePlugin({
  name: 'my-plugin',
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
