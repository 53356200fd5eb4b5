import { existsSync, lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { headers, type Msg } from 'nats';
import t, { type Test } from 'tap';
import { type ConfigMap, ConfigMaps, type Write } from '../../kernel/contract/index.ts';
import type { ObjectStore } from '../../kernel/store/index.ts';
import { startNats } from '../../plugins/cli/nats/server/index.ts';
import { embedded, quiet, temporaryFolder, testStore } from './nats.ts';

function linkIn(dataDir: string): string {
  return join(dataDir, 'nats/store/jetstream/$G/streams/orlop-objects/batches');
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
}

async function batch(store: ObjectStore, name: string): Promise<void> {
  const object = (i: number): ConfigMap => ({ metadata: { namespace: 'default', name: `${name}-${i}` } });
  const writes = Array.from({ length: 20 }, (_, i): Write => {
    return { verb: 'create', resource: ConfigMaps, object: object(i) };
  });
  await store.transact(writes);
}

async function untilLinked(t: Test, path: string): Promise<void> {
  for (let i = 0; i < 500 && !isLink(path); i++) await new Promise((resolve) => setTimeout(resolve, 20));
  t.ok(isLink(path), 'batches are staged in memory');
}

t.test('batches are staged in memory', { skip: !existsSync('/dev/shm') && 'no /dev/shm' }, async (t) => {
  const dataDir = temporaryFolder(t);
  const server = await startNats({ dataDir, ...embedded, log: quiet });
  t.teardown(() => server.stop());
  const store = await testStore(t, server);
  const link = linkIn(dataDir);
  t.ok(isLink(link));
  const staging = dirname(readlinkSync(link));
  await batch(store, 'a');
  t.same(readdirSync(join(staging, 'orlop-objects')), [], 'nothing stays there');

  process.kill(server.pid!, 'SIGKILL');
  await batch(store, 'b');
  await untilLinked(t, link);
  await batch(store, 'c');
  t.equal((await store.list(ConfigMaps)).items.length, 60);

  await server.stop();
  t.notOk(existsSync(staging), 'the folder in memory goes with the server');

  const again = await startNats({ dataDir, ...embedded, log: quiet });
  t.teardown(() => again.stop());
  t.ok(isLink(link), 'a start links it again');
  const after = await testStore(t, again);
  await batch(after, 'd');
  t.equal((await after.list(ConfigMaps)).items.length, 80);
});

t.test('what is staged on disk already stays there until it is done', async (t) => {
  const dataDir = temporaryFolder(t);
  const server = await startNats({ dataDir, ...embedded, log: quiet });
  t.teardown(() => server.stop());
  const connection = await server.connect('test');
  t.teardown(() => connection.close());
  const manager = await connection.jetstreamManager();
  await manager.streams.add({ name: 'orlop-objects', subjects: ['obj.>'], ...{ allow_atomic: true } });
  const send = (subject: string, fields: Record<string, string>): Promise<Msg> => {
    const all = headers();
    all.set('Nats-Batch-Id', 'x');
    for (const [name, value] of Object.entries(fields)) all.set(name, value);
    return connection.request(subject, subject, { headers: all, timeout: 5_000 });
  };
  await send('obj.a', { 'Nats-Batch-Sequence': '1' });
  server.streamsMade();
  t.notOk(isLink(linkIn(dataDir)));
  const answer = await send('obj.b', { 'Nats-Batch-Sequence': '2', 'Nats-Batch-Commit': '1' });
  t.match(answer.json(), { seq: 2, count: 2 });
  await untilLinked(t, linkIn(dataDir));
});
