/** A kernel with the presence plugin in a process of its own, for `presence.test.ts` to kill. */

import type { PluginDeclaration } from 'orlop/plugin';
import { startKernel } from '../../kernel/kernel.ts';
import { openDataDir } from '../../plugins/cli/datadir.ts';
import { natsBy } from '../../plugins/cli/nats/server/index.ts';
import presence from '../../plugins/presence/index.ts';
import { CACHE_DIR } from '../cluster.ts';

const [dataDir, url, interval] = process.argv.slice(2) as [string, string, string];
await startKernel({
  dataDir: openDataDir(dataDir),
  cacheDir: CACHE_DIR,
  nats: natsBy({ url }),
  plugins: [presence as PluginDeclaration],
  config: { presence: { intervalSeconds: Number(interval) / 1000 } },
  log: { debug() {}, info() {}, warn() {}, error: console.error },
});
console.log('ready');
