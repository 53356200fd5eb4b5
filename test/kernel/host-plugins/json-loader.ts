/** A loader for tests: the JSON file says the plugin's name; it serves `loaded.NAME`, and fails when told to. */
import { readFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { definePlugin, type PluginDeclaration } from 'orlop/plugin';

export async function load(module: URL): Promise<PluginDeclaration> {
  const { name, isolation } = JSON.parse(readFileSync(module, 'utf8')) as Pick<
    PluginDeclaration,
    'name' | 'isolation'
  >;
  return definePlugin({
    name,
    kind: 'loaded.v1',
    version: '1.0.0',
    description: 'Was made by a loader.',
    isolation: isolation ?? 'process',
    grants: { subscribe: ['loaded.>'] },
    start(ctx) {
      ctx.bus.serve(`loaded.${name}`, () => ({ main: isMainThread, revision: ctx.plugin.revision }));
      const failed = new Promise<Error>((resolve) => {
        ctx.bus.subscribe(`loaded.fail.${name}`, () => resolve(new Error('was told to fail')));
      });
      return { failed };
    },
  });
}
