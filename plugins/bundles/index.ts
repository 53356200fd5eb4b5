import { definePlugin, ModuleSource, provide } from 'orlop/plugin';
import { BundleCache } from './cache.ts';

export default definePlugin({
  name: 'bundles',
  kind: 'modules.v1',
  version: '0.1.0',
  description: 'Brings the modules of plugins that are kept as blobs to this machine.',
  provides: [ModuleSource],
  grants: { blobs: ['read'], host: ['files'] },
  start(ctx) {
    const cache = new BundleCache(ctx.blobs, ctx.cacheDir);
    return { provides: [provide(ModuleSource, cache)] };
  },
});
