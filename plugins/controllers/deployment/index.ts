import { Deployments, definePlugin, Events, loopInstance, Namespaces, Pods, ReplicaSets } from 'orlop/plugin';
import { run } from './controller.ts';

export default definePlugin({
  name: 'deployment-controller',
  kind: 'controller.v1',
  version: '0.1.0',
  description: 'Rolls the pods of each Deployment from one template to the next by way of ReplicaSets.',
  singleton: true,
  grants: {
    objects: [
      { resource: Deployments, verbs: ['get', 'list', 'watch', 'update'] },
      { resource: ReplicaSets, verbs: ['get', 'list', 'watch', 'create', 'update', 'delete'] },
      { resource: Pods, verbs: ['get', 'list', 'watch'] },
      { resource: Namespaces, verbs: ['get'] },
      { resource: Events, verbs: ['get', 'create', 'update'] },
    ],
  },
  start: (ctx) => loopInstance(() => run(ctx)),
});
