import { spawnSync } from 'node:child_process';
import t from 'tap';
import { ConfigMaps } from '../../kernel/contract/index.ts';
import type { ObjectStore } from '../../kernel/store/index.ts';
import { startNats } from '../../plugins/cli/nats/server/index.ts';
import { eventually } from '../cluster.ts';
import { embedded, quiet, temporaryFolder, testStore } from './nats.ts';

const dataDir = temporaryFolder(t);
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'orlop-test', dataDir]).status === 0;
if (mounted) t.teardown(() => spawnSync('umount', ['-l', dataDir]));

async function names(store: ObjectStore): Promise<string[]> {
  return (await store.list(ConfigMaps)).items.map(({ key }) => key.name);
}

const options = { skip: mounted ? false : 'cannot mount a small filesystem here', timeout: 180_000 };
t.test('a full disk loses nothing that was acknowledged', options, async (t) => {
  const server = await startNats({ dataDir, ...embedded, log: quiet });
  t.teardown(() => server.stop());
  const store = await testStore(t, server, { trouble: () => server.trouble() });
  const padding = 'x'.repeat(500_000);
  const acknowledged: string[] = [];
  let full = false;
  const fill = async (): Promise<void> => {
    for (let n = 0; !full; n++) {
      const metadata = { name: `full-${String(n).padStart(3, '0')}`, namespace: 'default' };
      await store.create(ConfigMaps, { metadata, data: { padding } });
      acknowledged.push(metadata.name);
    }
  };
  const filled = fill();
  await eventually('the supervisor knows', () => server.trouble() !== undefined);
  full = true;
  t.ok(acknowledged.length > 3);
  const known = await names(store);
  t.strictSame(known.slice(0, acknowledged.length), acknowledged, 'reads go on');
  t.match(await store.health(), { healthy: false, message: / of 8 MiB are free\. Free 32 MiB or more/ });
  const refused = store.create(ConfigMaps, { metadata: { name: 'refused', namespace: 'default' } });
  await t.rejects(refused, { reason: 'ServiceUnavailable', message: /is full: .* of 8 MiB are free/ });
  const { pid } = server;
  t.equal(spawnSync('mount', ['-o', 'remount,size=24m', dataDir]).status, 0);
  await eventually('it looked again', () => server.trouble()?.includes(' of 24 MiB'));
  t.equal(server.pid, pid, 'it is not started again while there is little room');

  t.equal(spawnSync('mount', ['-o', 'remount,size=64m', dataDir]).status, 0);
  await eventually('it can be written again', async () => (await store.health()).healthy, 60_000);
  t.not(server.pid, pid, 'by a new nats-server');
  await t.resolves(filled, 'the write that met the full disk is carried out');
  await store.create(ConfigMaps, { metadata: { name: 'later', namespace: 'default' } });
  const later = await names(store);
  t.strictSame(
    acknowledged.filter((name) => !later.includes(name)),
    [],
  );
  const fresh = await testStore(t, server);
  t.strictSame(await names(fresh), later, 'a new store agrees');
});
