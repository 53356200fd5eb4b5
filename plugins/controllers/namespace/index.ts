import { definePlugin, loopInstance, Namespaces } from 'orlop/plugin';
import { run } from './controller.ts';

export default definePlugin({
  name: 'namespace-controller',
  kind: 'controller.v1',
  version: '0.1.0',
  description: 'Empties each namespace that is being deleted, then lets it go.',
  singleton: true,
  grants: {
    objects: [
      { resource: '*', verbs: ['get', 'list', 'watch', 'delete'] },
      { resource: Namespaces, verbs: ['update'] },
    ],
  },
  start: (ctx) => loopInstance(() => run(ctx)),
});
