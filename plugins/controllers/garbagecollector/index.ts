import { definePlugin, loopInstance } from 'orlop/plugin';
import { run } from './controller.ts';

export default definePlugin({
  name: 'garbage-collector',
  kind: 'controller.v1',
  version: '0.1.0',
  description: 'Deletes objects whose owners are gone, and carries out foreground and orphaning deletions.',
  singleton: true,
  grants: { objects: [{ resource: '*', verbs: ['get', 'list', 'watch', 'update', 'delete'] }] },
  start: (ctx) => loopInstance(() => run(ctx)),
});
