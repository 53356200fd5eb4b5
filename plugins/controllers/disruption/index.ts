import {
  Deployments,
  definePlugin,
  Events,
  loopInstance,
  PodDisruptionBudgets,
  Pods,
  ReplicaSets,
  ReplicationControllers,
  StatefulSets,
} from 'orlop/plugin';
import { run } from './controller.ts';

export default definePlugin({
  name: 'disruption-controller',
  kind: 'controller.v1',
  version: '0.1.0',
  description: 'Says how many pods each PodDisruptionBudget allows to be evicted.',
  singleton: true,
  grants: {
    objects: [
      { resource: PodDisruptionBudgets, verbs: ['get', 'list', 'watch', 'update'] },
      { resource: Pods, verbs: ['get', 'list', 'watch'] },
      { resource: Deployments, verbs: ['get', 'list', 'watch'] },
      { resource: ReplicaSets, verbs: ['get', 'list', 'watch'] },
      { resource: StatefulSets, verbs: ['get', 'list', 'watch'] },
      { resource: ReplicationControllers, verbs: ['get', 'list', 'watch'] },
      { resource: Events, verbs: ['get', 'create', 'update'] },
    ],
  },
  start: (ctx) => loopInstance(() => run(ctx)),
});
