/** A kernel in a process of its own, for tests that kill it: writes ConfigMaps until it ends, and says each one's name once it is stored. */

import { ConfigMaps } from 'orlop/plugin';
import { startKernel } from '../../kernel/kernel.ts';
import { openDataDir } from '../../plugins/cli/datadir.ts';
import { natsBy } from '../../plugins/cli/nats/server/index.ts';
import { embedded } from './nats.ts';

const [dataDir, cacheDir] = process.argv.slice(2) as [string, string];
const kernel = await startKernel({
  dataDir: openDataDir(dataDir),
  cacheDir,
  plugins: [],
  nats: natsBy(embedded),
});
console.log(`nats ${kernel.nats.pid}`);
for (;;) {
  const { key } = await kernel.objects.create(ConfigMaps, {
    metadata: { generateName: 'x-', namespace: 'default' },
  });
  console.log(key.name);
}
