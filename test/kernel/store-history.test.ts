import t from 'tap';
import { Access, grantedObjects } from '../../kernel/contract/grants.ts';
import { type ConfigMap, ConfigMaps, type PastRevision, Secrets } from '../../kernel/contract/index.ts';
import { testNats, testStore } from './nats.ts';

const server = await testNats(t);
const failing = (reason: string): { name: string; reason: string } => ({ name: 'StatusError', reason });
const expired = failing('Expired');

function config(name: string, n: number): ConfigMap {
  return { metadata: { name, namespace: 'default' }, data: { n: String(n) } };
}

function told(history: PastRevision<ConfigMap>[]): string[] {
  return history.map(
    ({ object, deleted, writer }) => `${object.value.data?.['n']} ${writer}${deleted ? ' deleted' : ''}`,
  );
}

t.test('what was written, when and by whom', async (t) => {
  const store = await testStore(t, server);
  const key = { namespace: 'default', name: 'a' };
  t.strictSame(await store.history(ConfigMaps, key), []);
  const before = Date.now();
  const first = await store.as('alice').create(ConfigMaps, config('a', 1));
  const second = await store.as('bob').update(ConfigMaps, config('a', 2));
  // Another object's writes in between.
  await store.create(ConfigMaps, config('aa', 1));
  await store.update(ConfigMaps, config('a', 3));

  const history = await store.history(ConfigMaps, key);
  t.strictSame(told(history), ['1 alice', '2 bob', '3 test']);
  t.equal(history[0]!.object.revision, first.revision);
  t.ok(Buffer.from(second.bytes).equals(history[1]!.object.bytes), 'as it was written');
  for (const { time } of history)
    t.ok(Date.parse(time) >= before - 1_000 && Date.parse(time) <= Date.now() + 1_000, time);

  const gone = await store.delete(ConfigMaps, key);
  t.strictSame(
    told(await store.history(ConfigMaps, key)),
    ['3 test deleted'],
    'only the last state of a deleted one',
  );
  t.equal((await store.history(ConfigMaps, key))[0]!.object.revision, gone.revision);
  await store.create(ConfigMaps, config('a', 4));
  t.strictSame(told(await store.history(ConfigMaps, key)), ['3 test deleted', '4 test']);
});

t.test('on whose behalf, whatever the name', async (t) => {
  const store = await testStore(t, server);
  const key = { namespace: 'default', name: 'whose' };
  const users = [
    'alice',
    'system:serviceaccount:a:b',
    'Zo\u00eb \u2603',
    'x\r\nOrlop-Writer: root\r\n\r\nbody',
    '',
    '\ud800',
  ];
  await store.create(ConfigMaps, config('whose', 0));
  for (const [n, user] of users.entries())
    await store
      .as('apiserver')
      .onBehalfOf(user)
      .update(ConfigMaps, config('whose', n + 1));
  const history = await store.history(ConfigMaps, key);
  t.strictSame(
    history.map(({ user }) => user),
    [undefined, ...users.slice(0, -1), '\ufffd'],
  );
  t.strictSame(told(history), ['0 test', ...users.map((_, n) => `${n + 1} apiserver`)]);
  const long = await store.onBehalfOf('u'.repeat(100_000)).update(ConfigMaps, config('whose', 9));
  t.equal(
    (await store.history(ConfigMaps, key)).at(-1)?.object.revision,
    long.revision,
    'also a very long one',
  );
});

t.test('the state at a revision, from the cache and from the stream', async (t) => {
  const store = await testStore(t, server);
  const key = { namespace: 'default', name: 'b' };
  const other = await store.create(ConfigMaps, config('other', 0));
  const revisions: number[] = [];
  const add = (made: { revision: number }): unknown => revisions.push(made.revision);
  add(await store.create(ConfigMaps, config('b', 0)));
  for (let n = 1; n < 12; n++) add(await store.update(ConfigMaps, config('b', n)));
  const last = await store.update(ConfigMaps, config('other', 1));
  const at = async (from: typeof store, revision: number): Promise<string | undefined> =>
    (await from.get(ConfigMaps, key, { at: revision }))?.value.data?.['n'];

  for (const [n, revision] of revisions.entries()) t.equal(await at(store, revision), String(n));
  t.equal(await at(store, other.revision), undefined, 'before it was made');
  t.equal(await at(store, last.revision), '11');
  await t.rejects(at(store, last.revision + 1_000), failing('Timeout'));

  // Has the newest revisions only in memory: the others are read from the stream.
  const late = await testStore(t, server);
  t.equal((await late.history(ConfigMaps, key)).length, 8);
  for (let n = 4; n < 12; n++) t.equal(await at(late, revisions[n]!), String(n));
  await t.rejects(at(late, revisions[3]!), expired, 'nobody knows any more');
  await t.rejects(at(late, other.revision), expired);

  const gone = await store.delete(ConfigMaps, key);
  t.equal(await at(store, revisions[11]!), '11', 'while the cache has it');
  t.equal(await at(store, gone.revision), undefined);
  const last2 = await testStore(t, server);
  t.equal(await at(last2, gone.revision), undefined, 'deleted then');
  await t.rejects(at(last2, revisions[11]!), expired, 'its past went with it');
});

t.test('encoded values and grants', async (t) => {
  const store = await testStore(t, server, { encoded: [Secrets] });
  const flip = (raw: Uint8Array): Uint8Array => Uint8Array.from(raw, (byte) => byte ^ 0x55);
  store.setEncodings([{ encoding: 'flip', encode: flip, decode: flip }]);
  const key = { namespace: 'default', name: 's' };
  await store.create(Secrets, { metadata: key, stringData: { n: '1' } });
  await store.update(Secrets, { metadata: key, stringData: { n: '2' } });
  const history = await store.history(Secrets, key);
  t.strictSame(
    history.map(({ object }) => object.value.stringData?.['n']),
    ['1', '2'],
  );

  const granted = grantedObjects(
    store,
    new Access('plugin "x"', {
      objects: [
        { resource: Secrets, verbs: ['list', 'watch'] },
        { resource: ConfigMaps, verbs: ['get'] },
      ],
    }),
  );
  await t.rejects(granted.history(Secrets, key), failing('Forbidden'));
  t.equal((await granted.history(ConfigMaps, { namespace: 'default', name: 'b' })).length, 1);

  const filtered = await testStore(t, server, { resources: [ConfigMaps] });
  await t.rejects(filtered.history(Secrets, key), failing('Forbidden'));
});
