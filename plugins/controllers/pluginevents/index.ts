import { definePlugin, Events, Plugins } from 'orlop/plugin';
import { Recorder } from './recorder.ts';

export default definePlugin({
  name: 'plugin-events',
  kind: 'controller.v1',
  version: '0.1.0',
  description: 'Tells by Events what becomes of plugins.',
  singleton: true,
  grants: {
    objects: [
      { resource: Plugins, verbs: ['get', 'list', 'watch'] },
      { resource: Events, verbs: ['get', 'create', 'update'] },
    ],
  },
  start(ctx) {
    let recorder = new Recorder(ctx, ctx.inherited);
    return {
      drain: () => recorder.stop(),
      async resume() {
        recorder = new Recorder(ctx, await recorder.stop());
      },
      async stop() {
        await recorder.stop();
      },
    };
  },
});
