import { ClusterRoles, definePlugin, loopInstance } from 'orlop/plugin';
import { run } from './controller.ts';

export default definePlugin({
  name: 'clusterroleaggregation-controller',
  kind: 'controller.v1',
  version: '1.0.0',
  description: 'Gives a ClusterRole with an aggregationRule the rules of those it selects.',
  singleton: true,
  grants: { objects: [{ resource: ClusterRoles, verbs: ['get', 'list', 'watch', 'update'] }] },
  start: (ctx) => loopInstance(() => run(ctx)),
});
