import { definePlugin, Events, loopInstance, Namespaces, Pods, ReplicaSets } from 'orlop/plugin';
import { run } from './controller.ts';

export default definePlugin({
  name: 'replicaset-controller',
  kind: 'controller.v1',
  version: '0.1.0',
  description: 'Keeps as many pods of each ReplicaSet as it asks for.',
  singleton: true,
  grants: {
    objects: [
      { resource: ReplicaSets, verbs: ['get', 'list', 'watch', 'update'] },
      { resource: Pods, verbs: ['get', 'list', 'watch', 'create', 'update', 'delete'] },
      { resource: Namespaces, verbs: ['get'] },
      { resource: Events, verbs: ['get', 'create', 'update'] },
    ],
  },
  start: (ctx) => loopInstance(() => run(ctx)),
});
