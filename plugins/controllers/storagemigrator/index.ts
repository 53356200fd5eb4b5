import { definePlugin, Plugins, Secrets } from 'orlop/plugin';
import { config, type MigratorConfig } from './config.ts';
import { Migrator } from './migrator.ts';

export default definePlugin<MigratorConfig>({
  name: 'storage-migrator',
  kind: 'controller.v1',
  version: '0.2.0',
  description: 'Writes Secrets anew that are stored under another encoding or key than the current one.',
  singleton: true,
  config,
  grants: {
    objects: [
      { resource: Secrets, verbs: ['get', 'list', 'update'] },
      { resource: Plugins, verbs: ['get', 'list', 'watch', 'update'] },
    ],
  },
  start(ctx) {
    let migrator = new Migrator(ctx);
    return {
      health: () => ({ healthy: true, message: migrator.progress() }),
      async drain() {
        await migrator.stop();
        return undefined;
      },
      resume() {
        migrator = new Migrator(ctx);
      },
      stop: () => migrator.stop(),
    };
  },
});
