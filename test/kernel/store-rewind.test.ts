/** A server that comes back with an older state, as after a loss of its disk's last writes or a restored copy. */
import { cpSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { ConfigMaps, isStatus } from '../../kernel/contract/index.ts';
import { startNats } from '../../kernel/nats/index.ts';
import { eventually } from '../cluster.ts';
import { binary, quiet, temporaryFolder, testStore } from './nats.ts';

t.test('revisions that a server took back are never used again', async (t) => {
  const dataDir = temporaryFolder(t);
  const server = await startNats({ dataDir, binary, log: quiet });
  t.teardown(() => server.stop());
  const store = await testStore(t, server);
  const create = (name: string) => store.create(ConfigMaps, { metadata: { name, namespace: 'n' } });

  const kept = await create('kept');
  const folder = join(dataDir, 'nats/store');
  const copy = temporaryFolder(t);
  cpSync(folder, copy, { recursive: true });
  let ended: Error | undefined;
  store.watch(
    ConfigMaps,
    { since: kept.revision },
    {
      event: () => {},
      closed: (error) => {
        ended = error;
      },
    },
  );
  for (const name of ['lost-1', 'lost-2', 'lost-3']) await create(name);
  const { revision: seen } = await store.list(ConfigMaps);

  // All in one turn: the supervisor starts the server again in a later one.
  const pid = server.pid!;
  process.kill(pid, 'SIGKILL');
  while (isRunning(pid));
  rmSync(folder, { recursive: true });
  cpSync(copy, folder, { recursive: true });

  await eventually('the watch ends', () => ended !== undefined);
  t.ok(isStatus(ended, 'Expired'), 'who watched must list again');
  const { items, revision } = await store.list(ConfigMaps);
  t.same(
    items.map(({ key }) => key.name),
    ['kept'],
  );
  t.ok(revision > seen, `the list is at ${revision}, after ${seen}`);
  const next = await create('next');
  t.ok(next.revision > seen, 'a new write has a new revision');
  let refused: Error | undefined;
  store.watch(ConfigMaps, { since: seen }, { event: () => {}, closed: (error) => (refused = error) });
  await eventually('a watch from a revision that is gone is refused', () => isStatus(refused, 'Expired'));
});

function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3) !== 'Z';
  } catch {
    return false;
  }
}
