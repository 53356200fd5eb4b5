import { definePlugin, Events, Leases, loopInstance, Nodes, Pods } from 'orlop/plugin';
import { type Config, config } from './config.ts';
import { run } from './controller.ts';

export default definePlugin<Config>({
  name: 'node-lifecycle-controller',
  kind: 'controller.v1',
  version: '0.1.0',
  description: 'Notices nodes that have gone silent, taints them, and moves their pods away.',
  singleton: true,
  config,
  grants: {
    objects: [
      { resource: Nodes, verbs: ['get', 'list', 'watch', 'update'] },
      { resource: Leases, verbs: ['get', 'list', 'watch'] },
      { resource: Pods, verbs: ['get', 'list', 'watch', 'update', 'delete'] },
      { resource: Events, verbs: ['get', 'create', 'update'] },
    ],
  },
  start: (ctx) => loopInstance(() => run(ctx)),
});
