/** A server that comes back with an older state, as after a loss of its disk's last writes or a restored copy. */
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { ConfigMaps, isStatus } from '../../kernel/contract/index.ts';
import { type ObjectStore, openStore } from '../../kernel/store/index.ts';
import { startNats } from '../../plugins/cli/nats/server/index.ts';
import { eventually } from '../cluster.ts';
import { embedded, quiet, temporaryFolder, testStore } from './nats.ts';

t.test('revisions that a server took back are never used again', async (t) => {
  const dataDir = temporaryFolder(t);
  const server = await startNats({ dataDir, ...embedded, log: quiet });
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

t.test('a copy that is put back while nothing runs does not bring revisions back', async (t) => {
  const dataDir = temporaryFolder(t);
  const highWater = join(dataDir, 'revisions.json');
  const folder = join(dataDir, 'nats/store');
  /** Writes for a while as a kernel does from start to stop; what it gave out. */
  const run = async (work: (store: ObjectStore) => Promise<unknown>): Promise<void> => {
    const server = await startNats({ dataDir, ...embedded, log: quiet });
    const connection = await server.connect('test');
    const store = await openStore({ connection, log: quiet, writer: 'test', highWater });
    try {
      await work(store);
    } finally {
      await store.close();
      await connection.close();
      await server.stop();
    }
  };
  const create = (store: ObjectStore, name: string) =>
    store.create(ConfigMaps, { metadata: { name, namespace: 'n' } });
  let seen = 0;
  const handedOut: number[] = [];
  const note = (revision: number): void => {
    handedOut.push(revision);
    seen = Math.max(seen, revision);
  };
  let token = '';
  const expectNewRevisions = async (store: ObjectStore, names: string[]): Promise<void> => {
    const { items, revision } = await store.list(ConfigMaps);
    t.same(
      items.map(({ key }) => key.name),
      names,
    );
    t.ok(revision > seen, `the list is at ${revision}, after ${seen}`);
    const next = await create(store, `next-${names.length}`);
    t.ok(next.revision > seen, 'a new write has a new revision');
    for (const old of handedOut) {
      let refused: Error | undefined;
      store.watch(ConfigMaps, { since: old }, { event: () => {}, closed: (error) => (refused = error) });
      await eventually('a watch from an old revision is refused', () => isStatus(refused, 'Expired'));
      await t.rejects(store.list(ConfigMaps, { at: old }), { message: /old resource version|was replaced/ });
    }
    await t.rejects(store.list(ConfigMaps, { continue: token }), {
      message: /old resource version|was replaced/,
    });
    note(next.revision);
  };

  await run(async (store) => {
    for (const name of ['a', 'b']) note((await create(store, name)).revision);
  });
  const copy = temporaryFolder(t);
  cpSync(folder, copy, { recursive: true });
  await run(async (store) => {
    for (const name of ['lost-1', 'lost-2', 'lost-3']) note((await create(store, name)).revision);
    token = (await store.list(ConfigMaps, { limit: 1 })).continue!;
  });
  const putBack = (): void => {
    rmSync(folder, { recursive: true });
    cpSync(copy, folder, { recursive: true });
  };
  putBack();
  await run((store) => expectNewRevisions(store, ['a', 'b']));

  // As after a kill -9: what came after the start was not noted any more.
  let noted = '';
  await run(async (store) => {
    noted = readFileSync(highWater, 'utf8');
    for (const name of ['lost-4', 'lost-5', 'lost-6']) note((await create(store, name)).revision);
  });
  writeFileSync(highWater, noted);
  putBack();
  await run((store) => expectNewRevisions(store, ['a', 'b']));

  rmSync(folder, { recursive: true });
  await run((store) => expectNewRevisions(store, []));
  await run(async (store) => {
    t.same(await store.list(ConfigMaps).then(({ items }) => items.map(({ key }) => key.name)), ['next-0']);
  });
});

function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3) !== 'Z';
  } catch {
    return false;
  }
}
