/** Three nats-servers, killed with kill -9 one after the other under load: the leader of the stream, and each server once. */
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { type ConfigMap, ConfigMaps, isStatus } from '../../kernel/contract/index.ts';
import type { NatsServer } from '../../kernel/nats/index.ts';
import { startNats } from '../../plugins/cli/nats/server/index.ts';
import { embedded, quiet, temporaryFolder, testNats, testStore } from './nats.ts';

const WRITERS = 8;
const NAMESPACE = 'cluster';
const KILLS = Number(process.env['ORLOP_KILLS'] ?? 4);

interface Copies {
  leader: string;
  current: boolean;
}

async function copies(server: NatsServer): Promise<Copies | undefined> {
  const connection = await server.connect('copies');
  try {
    const manager = await connection.jetstreamManager({ timeout: 1_000 });
    const { cluster } = await manager.streams.info('orlop-objects');
    if (!cluster?.leader) return undefined;
    const { leader, replicas = [] } = cluster;
    return { leader, current: replicas.length === 2 && replicas.every((copy) => copy.current) };
  } catch {
    // Nobody leads at the moment.
    return undefined;
  } finally {
    await connection.close();
  }
}

t.test(`three servers: ${KILLS} kills under load lose nothing`, async (t) => {
  const dataDir = temporaryFolder(t);
  const server = await startNats({ dataDir, ...embedded, log: quiet, replicas: 3 });
  t.teardown(() => server.stop());
  t.equal(new Set(server.pids).size, 3);
  const stores = [
    await testStore(t, server, { replicas: 3 }),
    await testStore(t, server, { replicas: 3, resources: [ConfigMaps] }),
  ];
  const watched = new Map<string, number>();
  let lastRevision = 0;
  let disorder = 0;
  let live = false;
  stores[1]!.watch(
    ConfigMaps,
    { namespace: NAMESPACE, initial: true },
    {
      event: ({ type, object, revision, initialEventsEnd }) => {
        if (initialEventsEnd) live = true;
        if (type === 'BOOKMARK') return;
        // The present state comes by name, what follows by revision.
        if (live && revision <= lastRevision) disorder += 1;
        lastRevision = Math.max(lastRevision, revision);
        watched.set(object!.key.name, Number(object!.value.data!['n']));
      },
      closed: (error) => error && t.fail(`the watch ended: ${error.message}`),
    },
  );

  const acknowledged = new Map<string, number>();
  const tried = new Map<string, number>();
  const wrong: string[] = [];
  let stop = false;
  let writes = 0;
  let unknown = 0;
  const write = async (id: number): Promise<void> => {
    const store = stores[id % 2]!;
    for (let n = 1; !stop; n++) {
      // A new object each 4th time: what may be read of it right after is exactly this.
      const name = `w-${id}-${n >> 2}`;
      const object: ConfigMap = { metadata: { name, namespace: NAMESPACE }, data: { n: String(n) } };
      tried.set(name, n);
      try {
        if (acknowledged.has(name)) await store.update(ConfigMaps, object);
        else await store.create(ConfigMaps, object);
        acknowledged.set(name, n);
        writes += 1;
        const seen = await stores[(id + 1) % 2]!.get(ConfigMaps, { namespace: NAMESPACE, name });
        if (seen?.value.data?.['n'] !== String(n)) wrong.push(`${name} ${n}: ${seen?.value.data?.['n']}`);
      } catch (error) {
        // AlreadyExists: of a create whose outcome could not be told before.
        const known = unknown > 0 && isStatus(error, 'AlreadyExists');
        if (!known && !isStatus(error, 'Timeout', 'ServiceUnavailable')) throw error;
        if (known) acknowledged.set(name, 0);
        else unknown += 1;
      }
    }
  };
  const writers = Promise.all(Array.from({ length: WRITERS }, (_, id) => write(id)));
  const settled = async (): Promise<string> => {
    for (;;) {
      const state = await Promise.race([copies(server), writers.then(() => undefined)]);
      if (state?.current) return state.leader;
      await sleep(50);
    }
  };
  const more = async (count: number): Promise<void> => {
    for (const before = writes; writes < before + count; ) await Promise.race([sleep(10), writers]);
  };
  for (let kill = 0; kill < KILLS; kill++) {
    await more(100);
    // Two of three must be whole when one dies: R3 promises no more.
    const leader = Number((await settled()).slice('orlop-'.length)) - 1;
    const victim = kill % 2 === 0 ? leader : (leader + 1) % 3;
    const pid = server.pids[victim]!;
    process.kill(pid, 'SIGKILL');
    while (server.pids[victim] === pid) await sleep(5);
    t.comment(`killed orlop-${victim + 1}${victim === leader ? ', the leader' : ''} after ${writes} writes`);
  }
  await more(100);
  stop = true;
  await writers;
  t.comment(`${writes} acknowledged, ${unknown} of unknown outcome`);
  t.strictSame(wrong, [], 'a read after a write shows it, in another kernel too');

  const fresh = await testStore(t, server, { replicas: 3 });
  const { items } = await fresh.list(ConfigMaps, { namespace: NAMESPACE });
  const found = new Map(items.map(({ key, value }) => [key.name, Number(value.data!['n'])]));
  const lost = [...acknowledged].filter(([name, n]) => {
    const got = found.get(name) ?? -1;
    return got < n || got > tried.get(name)!;
  });
  t.strictSame(lost, [], 'zero acknowledged writes lost');
  await stores[1]!.list(ConfigMaps, { namespace: NAMESPACE });
  t.strictSame([...watched].sort(), [...found].sort(), 'the watch that lived through the kills agrees');
  t.equal(disorder, 0, 'revisions only grow');

  await Promise.all(stores.map((store) => store.close()));
  await fresh.close();
  await server.stop();
  await t.rejects(startNats({ dataDir, ...embedded, log: quiet, replicas: 1 }), {
    name: 'StatusError',
    reason: 'Conflict',
  });
  const again = await startNats({ dataDir, ...embedded, log: quiet });
  t.teardown(() => again.stop());
  t.equal(again.pids.length, 3, 'the folder says how many');
  const after = await testStore(t, again, { replicas: 3 });
  t.equal((await after.list(ConfigMaps, { namespace: NAMESPACE })).items.length, items.length);
});

t.test('one server cannot become three, and three copies need three', async (t) => {
  const dataDir = temporaryFolder(t);
  const one = await startNats({ dataDir, ...embedded, log: quiet });
  const store = await testStore(t, one);
  await store.close();
  await one.stop();
  await t.rejects(startNats({ dataDir, ...embedded, log: quiet, replicas: 3 }), {
    name: 'StatusError',
    reason: 'Conflict',
  });
  const alone = await testNats(t);
  await t.rejects(testStore(t, alone, { replicas: 3 }), {
    name: 'StatusError',
    reason: 'ServiceUnavailable',
  });
  await testStore(t, alone);
  await t.rejects(
    testStore(t, alone, { replicas: 3 }),
    { name: 'StatusError', reason: 'ServiceUnavailable' },
    'nor when the streams are there',
  );
});

t.test('streams of one copy get three', async (t) => {
  const server = await startNats({ dataDir: temporaryFolder(t), ...embedded, log: quiet, replicas: 3 });
  t.teardown(() => server.stop());
  const single = await testStore(t, server, { replicas: 1 });
  const made = await single.create(ConfigMaps, { metadata: { name: 'a', namespace: NAMESPACE } });
  const store = await testStore(t, server, { replicas: 3 });
  for (let state = await copies(server); !state?.current; state = await copies(server)) await sleep(50);
  t.equal((await store.get(ConfigMaps, made.key))?.revision, made.revision);
  await single.create(ConfigMaps, { metadata: { name: 'b', namespace: NAMESPACE } });
  t.equal((await store.list(ConfigMaps)).items.length, 2, 'who was there before goes on');
});
