import { definePlugin, Events, loopInstance, Nodes, Pods, RuntimeClasses, ScorePlugins } from 'orlop/plugin';
import { configSchema, type SchedulerConfig } from './config.ts';
import { run } from './scheduler.ts';
import { Scorers } from './scorers.ts';

export default definePlugin<SchedulerConfig, { scores: typeof ScorePlugins }>({
  name: 'scheduler',
  kind: 'scheduler.v1',
  version: '0.1.0',
  description: 'Chooses a node for each pod that has none.',
  singleton: true,
  config: configSchema,
  requires: { scores: ScorePlugins },
  grants: {
    objects: [
      { resource: Pods, verbs: ['get', 'list', 'watch', 'update'] },
      { resource: Nodes, verbs: ['get', 'list', 'watch'] },
      { resource: RuntimeClasses, verbs: ['get', 'list', 'watch'] },
      { resource: Events, verbs: ['get', 'create', 'update'] },
    ],
  },
  start(ctx) {
    const scorers = new Scorers({
      plugins: ctx.services.scores,
      weights: ctx.config.scoreWeights,
      timeout: ctx.config.scoreTimeoutMilliseconds,
      log: ctx.log,
    });
    return { ...loopInstance(() => run(ctx, scorers)), health: () => scorers.health() };
  },
});
