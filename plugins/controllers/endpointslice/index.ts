import { definePlugin, EndpointSlices, loopInstance, Nodes, Pods, Services } from 'orlop/plugin';
import { run } from './controller.ts';

export default definePlugin({
  name: 'endpointslice-controller',
  kind: 'controller.v1',
  version: '0.1.0',
  description: 'Keeps the addresses of the pods each Service selects in EndpointSlices.',
  singleton: true,
  grants: {
    objects: [
      { resource: Services, verbs: ['get', 'list', 'watch'] },
      { resource: Pods, verbs: ['get', 'list', 'watch'] },
      { resource: Nodes, verbs: ['get'] },
      { resource: EndpointSlices, verbs: ['get', 'list', 'watch', 'create', 'update', 'delete'] },
    ],
  },
  start: (ctx) => loopInstance(() => run(ctx)),
});
