import { headers } from 'nats';
import t from 'tap';
import { ConfigMaps, Events, type KubeObject, type WatchEvent } from '../../kernel/contract/index.ts';
import { Link } from '../../kernel/nats/link.ts';
import { ensureStream } from '../../kernel/store/stream.ts';
import { STREAMS } from '../../kernel/store/subjects.ts';
import { testNats, testStore } from './nats.ts';

t.test('events that age away leave the cache, and watches see it', async (t) => {
  const server = await testNats(t);
  const connection = await server.connect('design');
  t.teardown(() => connection.close());
  const design = STREAMS.find(({ maxAge }) => maxAge > 0)!;
  await ensureStream(new Link(connection), { ...design, maxAge: 1 }, 1);

  const store = await testStore(t, server);
  const events: WatchEvent<KubeObject>[] = [];
  const seen = new Promise<void>((resolve) => {
    store.watch(
      Events,
      { initial: true },
      {
        event: (event) => {
          if (event.type !== 'BOOKMARK') events.push(event);
          if (event.type === 'DELETED') resolve();
        },
        closed: () => undefined,
      },
    );
  });
  const made = await store.create(Events, {
    metadata: { name: 'e', namespace: 'default' },
    involvedObject: { kind: 'Pod', name: 'p' },
    message: 'hello',
  });
  await seen;
  t.strictSame(
    events.map(({ type, object }) => `${type} ${object?.key.name}`),
    ['ADDED e', 'DELETED e'],
  );
  t.match(events[1]?.object?.value, { message: 'hello' }, 'with the last state');
  t.ok(events[1]!.revision > made.revision);
  t.equal(await store.get(Events, made.key), undefined);
  const again = await store.create(Events, {
    metadata: { name: 'e', namespace: 'default' },
    involvedObject: { kind: 'Pod', name: 'p' },
  });
  t.ok(again.revision > events[1]!.revision, 'its name is free again');
  const later = await testStore(t, server);
  t.ok((await later.list(Events)).items.length <= 1, 'a marker is no object to who loads it');
});

t.test('a deleted object does not come back when its tombstone expires', async (t) => {
  const server = await testNats(t);
  const store = await testStore(t, server);
  const connection = await server.connect('raw');
  t.teardown(() => connection.close());
  const key = { namespace: 'default', name: 'x' };
  const subject = 'obj.=.configmaps.default.x';
  const left = async (): Promise<number> => {
    const manager = await connection.jetstreamManager();
    const { state } = await manager.streams.info('orlop-objects', { subjects_filter: subject });
    return state.subjects?.[subject] ?? 0;
  };
  const object = { metadata: key, data: { n: '1' } };
  await store.create(ConfigMaps, object);
  await store.update(ConfigMaps, { ...object, data: { n: '2' } });
  t.equal(await left(), 2, 'history');
  await store.delete(ConfigMaps, key);
  t.equal(await left(), 1, 'only the tombstone');

  // What a server leaves that was killed between storing the tombstone and removing what is older.
  const made = await store.create(ConfigMaps, object);
  const tombstone = headers();
  tombstone.set('Orlop-Operation', 'delete');
  tombstone.set('Nats-TTL', '2s');
  await connection.jetstream().publish(subject, made.bytes, { headers: tombstone });
  t.equal(await left(), 3);
  const next = await testStore(t, server);
  t.equal(await next.get(ConfigMaps, key), undefined);
  while ((await left()) > 0) await new Promise((resolve) => setTimeout(resolve, 50));
  const last = await testStore(t, server);
  t.equal(await last.get(ConfigMaps, key), undefined);
});
