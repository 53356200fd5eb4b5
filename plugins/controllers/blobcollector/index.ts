import { definePlugin, loopInstance } from 'orlop/plugin';
import { type Config, config } from './config.ts';
import { run } from './controller.ts';
import { REFERRERS } from './referrers.ts';

export default definePlugin<Config>({
  name: 'blob-collector',
  kind: 'controller.v1',
  version: '0.1.0',
  description: 'Deletes blobs that no object refers to.',
  singleton: true,
  config,
  grants: {
    objects: REFERRERS.map(({ resource }) => ({ resource, verbs: ['list'] })),
    blobs: ['read', 'write'],
  },
  start: (ctx) => loopInstance(() => run(ctx)),
});
