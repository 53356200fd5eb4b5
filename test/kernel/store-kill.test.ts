/** kill -9 of nats-server under load, again and again: what was acknowledged is there, and watches go on without a gap. */
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { type ConfigMap, ConfigMaps, isStatus } from '../../kernel/contract/index.ts';
import { testNats, testStore } from './nats.ts';

const KILLS = Number(process.env['ORLOP_KILLS'] ?? 8);
const WRITERS = 16;
const NAMESPACE = 'kill';

t.test(`${KILLS} kills of nats-server under load lose nothing`, async (t) => {
  const server = await testNats(t);
  const stores = [await testStore(t, server), await testStore(t, server)];
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
        watched.set(object!.key.name, type === 'DELETED' ? -1 : Number(object!.value.data!['n']));
      },
      closed: (error) => error && t.fail(`the watch ended: ${error.message}`),
    },
  );

  /** By name: the last number acknowledged, and the last one tried. */
  const acknowledged = new Map<string, number>();
  const tried = new Map<string, number>();
  let stop = false;
  let writes = 0;
  let unknown = 0;
  const write = async (id: number): Promise<void> => {
    const store = stores[id % 2]!;
    for (let n = 1; !stop; n++) {
      const name = `w-${id}-${n % 5}`;
      const key = { namespace: NAMESPACE, name };
      const object: ConfigMap = { metadata: { name, namespace: NAMESPACE }, data: { n: String(n) } };
      tried.set(name, n);
      try {
        if (n % 20 === 0 && acknowledged.has(name)) {
          await store.delete(ConfigMaps, key);
          await store.create(ConfigMaps, object);
        } else if (acknowledged.has(name)) await store.update(ConfigMaps, object);
        else await store.create(ConfigMaps, object);
        acknowledged.set(name, n);
        writes += 1;
      } catch (error) {
        if (!isStatus(error, 'Timeout', 'ServiceUnavailable')) throw error;
        unknown += 1;
      }
    }
  };
  const writers = Array.from({ length: WRITERS }, (_, id) => write(id));
  for (let kill = 0; kill < KILLS; kill++) {
    const before = writes;
    while (writes < before + 200) await sleep(5);
    const pid = server.pid!;
    process.kill(pid, 'SIGKILL');
    while (server.pid === pid) await sleep(5);
  }
  const before = writes;
  while (writes < before + 200) await sleep(5);
  stop = true;
  await Promise.all(writers);
  t.comment(`${writes} acknowledged, ${unknown} of unknown outcome`);

  const fresh = await testStore(t, server);
  const list = await fresh.list(ConfigMaps, { namespace: NAMESPACE });
  const found = new Map(list.items.map(({ key, value }) => [key.name, Number(value.data!['n'])]));
  const lost = [...acknowledged].filter(([name, n]) => {
    const got = found.get(name) ?? 0;
    return got < n || got > tried.get(name)!;
  });
  t.strictSame(lost, [], 'zero acknowledged writes lost');
  await stores[1]!.list(ConfigMaps, { namespace: NAMESPACE });
  t.strictSame(
    [...watched].filter(([, n]) => n >= 0).sort(),
    [...found].sort(),
    'the watch that lived through the kills agrees with a new list',
  );
  t.equal(disorder, 0, 'revisions only grow');
});
