import { definePlugin, Events, loopInstance, Nodes, Pods, RuntimeClasses } from 'orlop/plugin';
import { run } from './scheduler.ts';

export default definePlugin({
  name: 'scheduler',
  kind: 'scheduler.v1',
  version: '0.1.0',
  description: 'Chooses a node for each pod that has none.',
  singleton: true,
  grants: {
    objects: [
      { resource: Pods, verbs: ['get', 'list', 'watch', 'update'] },
      { resource: Nodes, verbs: ['get', 'list', 'watch'] },
      { resource: RuntimeClasses, verbs: ['get', 'list', 'watch'] },
      { resource: Events, verbs: ['get', 'create', 'update'] },
    ],
  },
  start: (ctx) => loopInstance(() => run(ctx)),
});
