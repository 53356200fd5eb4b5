import t from 'tap';
import type { ConfigMap, Pod, StoredObject, WatchEvent } from '../../kernel/contract/index.ts';
import { ConfigMaps, Events, Namespaces, Pods, StatusError } from '../../kernel/contract/index.ts';
import { testNats, testStore } from './nats.ts';

const server = await testNats(t);

function config(name: string, data: Record<string, string> = {}, namespace = 'default'): ConfigMap {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data };
}

function pod(name: string, namespace = 'default'): Pod {
  return { metadata: { name, namespace }, spec: { containers: [{ name: 'main', image: 'a' }] } };
}

const reason = (reason: string): { name: string; reason: string } => ({ name: 'StatusError', reason });

t.test('create, get, update, delete', async (t) => {
  const store = await testStore(t, server);
  const made = await store.create(ConfigMaps, config('a', { x: '1' }));
  t.match(made.value.metadata, { uid: /^[0-9a-f-]{36}$/, creationTimestamp: /Z$/, name: 'a' });
  t.equal(made.value.metadata?.resourceVersion, String(made.revision));
  t.match(
    Buffer.from(made.bytes).toString(),
    /^\{"kind":"ConfigMap","apiVersion":"v1","metadata":\{"resourceVersion":"\d+",/,
  );
  await t.rejects(store.create(ConfigMaps, config('a')), reason('AlreadyExists'));

  const got = await store.get(ConfigMaps, { namespace: 'default', name: 'a' });
  t.equal(got, made, 'one entry, shared');
  t.equal(await store.get(ConfigMaps, { namespace: 'other', name: 'a' }), undefined);

  const updated = await store.update(ConfigMaps, { ...made.value, data: { x: '2' } });
  t.ok(updated.revision > made.revision);
  t.equal(updated.value.metadata?.uid, made.value.metadata?.uid);
  await t.rejects(store.update(ConfigMaps, { ...made.value, data: { x: '3' } }), reason('Conflict'));
  await t.rejects(store.update(ConfigMaps, config('none')), reason('NotFound'));
  const last = await store.update(ConfigMaps, config('a', { x: '4' }));
  t.strictSame(last.value.data, { x: '4' }, 'without a resourceVersion the last write wins');
  const same = await store.update(ConfigMaps, structuredClone(last.value));
  t.equal(same.revision, last.revision, 'an update that changes nothing writes nothing');

  await t.rejects(
    store.delete(ConfigMaps, { namespace: 'default', name: 'a' }, { revision: 1 }),
    reason('Conflict'),
  );
  await t.rejects(
    store.delete(ConfigMaps, { namespace: 'default', name: 'a' }, { uid: 'x' }),
    reason('Conflict'),
  );
  const gone = await store.delete(ConfigMaps, { namespace: 'default', name: 'a' });
  t.strictSame(gone.value.data, { x: '4' });
  t.equal(await store.get(ConfigMaps, { namespace: 'default', name: 'a' }), undefined);
  await t.rejects(store.delete(ConfigMaps, { namespace: 'default', name: 'a' }), reason('NotFound'));

  const again = await store.create(ConfigMaps, config('a'));
  t.not(again.value.metadata?.uid, made.value.metadata?.uid);
  await store.delete(ConfigMaps, { namespace: 'default', name: 'a' });
});

t.test('names are generated, and any string is a safe name', async (t) => {
  const store = await testStore(t, server);
  const made = await store.create(ConfigMaps, { metadata: { generateName: 'gen-', namespace: 'names' } });
  t.match(made.value.metadata?.name, /^gen-[b-z2-9]{5}$/);
  for (const name of ['*', '>', 'a.b', 'system:x', 'ü', 'a b', 'A_b-c=20']) {
    await store.create(ConfigMaps, config(name, {}, 'names'));
    const got = await store.get(ConfigMaps, { namespace: 'names', name });
    t.equal(got?.value.metadata?.name, name);
  }
  t.equal((await store.list(ConfigMaps, { namespace: 'names' })).items.length, 8);
  await t.rejects(store.create(ConfigMaps, { metadata: { namespace: 'names' } }), reason('BadRequest'));
  await t.rejects(store.create(ConfigMaps, { metadata: { name: 'x' } }), reason('BadRequest'));
});

t.test('generation, finalizers and graceful deletion', async (t) => {
  const store = await testStore(t, server);
  const key = { namespace: 'default', name: 'p' };
  const made = await store.create(Pods, pod('p'));
  t.equal(made.value.metadata?.generation, 1);
  const status = await store.modify(Pods, key, (draft) => {
    Object.assign(draft, { status: { phase: 'Running' } });
  });
  t.equal(status.value.metadata?.generation, 1, 'status does not count');
  const spec = await store.modify(Pods, key, (draft) => {
    draft.spec!.containers[0]!.image = 'b';
  });
  t.equal(spec.value.metadata?.generation, 2);

  const marked = await store.delete(Pods, key, { gracePeriodSeconds: 30 });
  t.match(marked.value.metadata, { deletionGracePeriodSeconds: 30, deletionTimestamp: /Z$/ });
  t.ok(await store.get(Pods, key), 'still there');
  const again = await store.delete(Pods, key, { gracePeriodSeconds: 60 });
  t.equal(again.revision, marked.revision, 'a deletion is not prolonged');
  await store.delete(Pods, key, { gracePeriodSeconds: 0 });
  t.equal(await store.get(Pods, key), undefined);

  await store.create(Pods, {
    ...pod('p'),
    metadata: { name: 'p', namespace: 'default', finalizers: ['a/b'] },
  });
  const held = await store.delete(Pods, key);
  t.ok(held.value.metadata?.deletionTimestamp);
  await store.modify(Pods, key, (draft) => {
    delete draft.metadata!.finalizers;
  });
  t.equal(await store.get(Pods, key), undefined, 'gone with its last finalizer');

  await store.create(Namespaces, { metadata: { name: 'n' }, spec: { finalizers: ['kubernetes'] } });
  const terminating = await store.delete(Namespaces, { name: 'n' });
  t.equal(terminating.value.status?.phase, 'Terminating');
  await store.modify(Namespaces, { name: 'n' }, (draft) => {
    draft.spec = { finalizers: [] };
  });
  t.equal(await store.get(Namespaces, { name: 'n' }), undefined);

  await store.create(Pods, pod('q'));
  const foreground = await store.delete(
    Pods,
    { namespace: 'default', name: 'q' },
    { propagationPolicy: 'Foreground' },
  );
  t.strictSame(foreground.value.metadata?.finalizers, ['foregroundDeletion']);
  await t.rejects(
    store.modify(Pods, { namespace: 'default', name: 'none' }, () => undefined),
    reason('NotFound'),
  );
});

t.test('lists: order, predicates, owners, pages pinned to their revision', async (t) => {
  const store = await testStore(t, server);
  const names = Array.from({ length: 25 }, (_, i) => `l-${String(i).padStart(2, '0')}`);
  await Promise.all(names.map((name) => store.create(ConfigMaps, config(name, { name }, 'lists'))));
  await store.create(ConfigMaps, config('z', {}, 'list'));
  const all = await store.list(ConfigMaps);
  const keys = all.items.map(({ key }) => `${key.namespace}\0${key.name}`);
  t.strictSame(keys, [...keys].sort(), 'sorted by namespace, then name');

  const first = await store.list(ConfigMaps, { namespace: 'lists', limit: 10 });
  t.equal(first.remaining, 15);
  await store.delete(ConfigMaps, { namespace: 'lists', name: 'l-12' });
  await store.update(ConfigMaps, config('l-13', { name: 'changed' }, 'lists'));
  await store.create(ConfigMaps, config('l-10a', {}, 'lists'));
  const second = await store.list(ConfigMaps, { namespace: 'lists', limit: 10, continue: first.continue });
  const third = await store.list(ConfigMaps, { namespace: 'lists', limit: 10, continue: second.continue });
  const seen = [first, second, third].flatMap((page) => page.items);
  t.strictSame(
    seen.map((item) => item.value.data?.['name']),
    names,
    'as if nothing had changed',
  );
  t.equal(third.continue, undefined);
  t.strictSame([second.revision, third.revision], [first.revision, first.revision]);

  const at = await store.list(ConfigMaps, { namespace: 'lists', at: first.revision });
  t.equal(at.items.length, 25);
  t.equal((await store.list(ConfigMaps, { namespace: 'lists' })).items.length, 25);
  const some = await store.list(ConfigMaps, {
    namespace: 'lists',
    where: (map) => map.data?.['name'] === 'changed',
  });
  t.strictSame(
    some.items.map((item) => item.key.name),
    ['l-13'],
  );
  await t.rejects(store.list(ConfigMaps, { continue: 'nonsense' }), reason('BadRequest'));
  await t.rejects(store.list(ConfigMaps, { revision: store.revision() + 1_000_000 }), reason('Timeout'));

  const ownerReferences = [{ apiVersion: 'v1', kind: 'X', name: 'x', uid: 'u-1', controller: true }];
  await store.create(ConfigMaps, { metadata: { name: 'owned', namespace: 'lists', ownerReferences } });
  t.equal((await store.list(ConfigMaps, { owner: 'u-1' })).items.length, 1);
  await store.modify(ConfigMaps, { namespace: 'lists', name: 'owned' }, (draft) => {
    draft.metadata!.ownerReferences = [];
  });
  t.equal((await store.list(ConfigMaps, { owner: 'u-1' })).items.length, 0);
});

/** Collects what a watch delivers. */
class Collector {
  readonly seen: string[] = [];
  readonly events: WatchEvent<ConfigMap>[] = [];
  error: Error | undefined;
  ended = false;
  #wake: (() => void)[] = [];

  event(event: WatchEvent<ConfigMap>): void {
    this.events.push(event);
    this.seen.push(`${event.type} ${event.object?.key.name ?? (event.initialEventsEnd ? 'end' : '')}`);
    this.#notify();
  }

  closed(error?: Error): void {
    this.error = error;
    this.ended = true;
    this.#notify();
  }

  async until(condition: (self: this) => boolean): Promise<void> {
    while (!condition(this)) await new Promise<void>((resolve) => this.#wake.push(resolve));
  }

  #notify(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}

t.test('watches', async (t) => {
  const store = await testStore(t, server);
  const namespace = 'watch';
  await store.create(ConfigMaps, config('a', { v: '1' }, namespace));
  const list = await store.list(ConfigMaps, { namespace });

  const since = new Collector();
  const initial = new Collector();
  const odd = new Collector();
  const one = new Collector();
  store.watch(ConfigMaps, { namespace, initial: true }, initial);
  store.watch(
    ConfigMaps,
    { namespace, initial: true, where: (map) => Number(map.data?.['v']) % 2 === 1 },
    odd,
  );
  store.watch(ConfigMaps, { namespace, name: 'b', since: list.revision }, one);
  for (const watch of [initial, odd]) await watch.until(({ seen }) => seen.includes('BOOKMARK end'));
  await store.update(ConfigMaps, config('a', { v: '2' }, namespace));
  await store.create(ConfigMaps, config('b', { v: '1' }, namespace));
  await store.update(ConfigMaps, config('a', { v: '3' }, namespace));
  await store.delete(ConfigMaps, { namespace, name: 'b' });
  await store.create(ConfigMaps, config('elsewhere', {}, 'watch2'));
  const watch = store.watch(ConfigMaps, { namespace, since: list.revision }, since);
  await since.until(({ seen }) => seen.length === 4);
  t.strictSame(since.seen, ['MODIFIED a', 'ADDED b', 'MODIFIED a', 'DELETED b'], 'events of the past');
  t.strictSame(initial.seen, ['ADDED a', 'BOOKMARK end', ...since.seen]);
  t.strictSame(odd.seen, ['ADDED a', 'BOOKMARK end', 'DELETED a', 'ADDED b', 'ADDED a', 'DELETED b']);
  t.strictSame(one.seen, ['ADDED b', 'DELETED b']);
  const left = odd.events[2]!;
  t.equal(left.object?.value.data?.['v'], '1', 'the last state that matched');
  t.equal(
    left.object?.value.metadata?.resourceVersion,
    String(left.revision),
    'at the revision of the event',
  );
  watch.close();
  t.ok(since.ended);
  await store.create(ConfigMaps, config('c', {}, namespace));
  t.equal(since.seen.length, 4, 'nothing after close');

  const later = await testStore(t, server);
  const late = new Collector();
  later.watch(ConfigMaps, { since: list.revision }, late);
  await late.until(({ ended }) => ended);
  t.match(late.error, reason('Expired'), 'a process that started later does not have the past');
});

t.test('two processes', async (t) => {
  const [a, b] = [await testStore(t, server), await testStore(t, server)];
  const key = { namespace: 'two', name: 'x' };
  await a.create(ConfigMaps, config('x', { n: '0' }, 'two'));
  t.ok(await b.get(ConfigMaps, key), 'a read without a revision sees every acknowledged write');
  const increment = (draft: ConfigMap): void => {
    draft.data = { n: String(Number(draft.data?.['n']) + 1) };
  };
  await Promise.all(Array.from({ length: 40 }, (_, i) => (i % 2 ? a : b).modify(ConfigMaps, key, increment)));
  t.equal((await b.get(ConfigMaps, key))?.value.data?.['n'], '40', 'no update is lost');
  await a.delete(ConfigMaps, key);
  await b.create(ConfigMaps, config('x', {}, 'two'));
  await a.delete(ConfigMaps, key);
  t.equal(await b.get(ConfigMaps, key), undefined);
  const outcomes = await Promise.allSettled(
    Array.from({ length: 20 }, (_, i) =>
      (i % 2 ? a : b).create(ConfigMaps, config('x', { i: String(i) }, 'two')),
    ),
  );
  t.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1, 'one creation wins');
  const losers = outcomes.filter((outcome) => outcome.status === 'rejected');
  t.ok(losers.every(({ reason }) => reason instanceof StatusError && reason.reason === 'AlreadyExists'));
});

t.test('a restarted process deletes and makes again what it did not see deleted', async (t) => {
  const first = await testStore(t, server);
  await first.create(ConfigMaps, config('r', { v: '1' }, 'restart'));
  await first.delete(ConfigMaps, { namespace: 'restart', name: 'r' });
  const second = await testStore(t, server);
  t.equal(await second.get(ConfigMaps, { namespace: 'restart', name: 'r' }, { revision: 0 }), undefined);
  const made = await second.create(ConfigMaps, config('r', { v: '2' }, 'restart'));
  t.strictSame((await first.get(ConfigMaps, made.key))?.value.data, { v: '2' });
});

t.test('transactions', async (t) => {
  const store = await testStore(t, server);
  const namespace = 'tx';
  const results = await store.transact([
    { verb: 'create', resource: ConfigMaps, object: config('a', {}, namespace) },
    { verb: 'create', resource: Pods, object: pod('a', namespace) },
  ] as never);
  for (const result of results) {
    const resource = result.value.kind === 'Pod' ? Pods : ConfigMaps;
    const got: StoredObject | undefined = await store.get(resource as typeof Pods, result.key);
    t.equal(got?.revision, result.revision, 'each has its own revision');
  }
  await t.rejects(
    store.transact([
      { verb: 'create', resource: ConfigMaps, object: config('b', {}, namespace) },
      { verb: 'update', resource: ConfigMaps, object: config('none', {}, namespace) },
    ] as never),
    reason('NotFound'),
  );
  t.equal(await store.get(ConfigMaps, { namespace, name: 'b' }), undefined, 'all or nothing');
  await t.rejects(
    store.transact([
      { verb: 'create', resource: ConfigMaps, object: config('c', {}, namespace) },
      { verb: 'create', resource: ConfigMaps, object: config('c', {}, namespace) },
    ] as never),
    reason('BadRequest'),
  );
  await store.transact([
    { verb: 'update', resource: ConfigMaps, object: config('a', { v: '2' }, namespace) },
    { verb: 'delete', resource: Pods, key: { namespace, name: 'a' } },
  ] as never);
  t.equal(await store.get(Pods, { namespace, name: 'a' }), undefined);
});

t.test('a filtered store holds its slice only', async (t) => {
  const [all, slice] = [await testStore(t, server), await testStore(t, server, { resources: [Pods] })];
  await all.create(ConfigMaps, config('f', {}, 'slice'));
  await all.create(Pods, pod('f', 'slice'));
  t.ok(await slice.get(Pods, { namespace: 'slice', name: 'f' }), 'linearizable here too');
  await t.rejects(slice.get(ConfigMaps, { namespace: 'slice', name: 'f' }), reason('Forbidden'));
  await slice.create(Events, {
    metadata: { name: 'e', namespace: 'slice' },
    involvedObject: { kind: 'Pod', name: 'f' },
  });
  t.ok(await all.get(Events, { namespace: 'slice', name: 'e' }), 'it can write what it does not hold');
  await slice.update(ConfigMaps, config('f', { v: '1' }, 'slice'));
  t.strictSame((await all.get(ConfigMaps, { namespace: 'slice', name: 'f' }))?.value.data, { v: '1' });
});

t.test('encoded values', async (t) => {
  const store = await testStore(t, server, { encoded: [ConfigMaps] });
  await t.rejects(store.create(ConfigMaps, config('e', { p: 'plain' }, 'enc')), reason('ServiceUnavailable'));
  const flip = (value: Uint8Array, key: string): Uint8Array => value.map((byte) => byte ^ key.length);
  const encoding = { encoding: 'flip', encode: flip, decode: flip };
  store.setEncodings([encoding]);
  const made = await store.create(ConfigMaps, config('e', { p: 'plain' }, 'enc'));
  t.strictSame(made.value.data, { p: 'plain' });
  const reader = await testStore(t, server, { encoded: [ConfigMaps] });
  const got = await reader.get(ConfigMaps, { namespace: 'enc', name: 'e' });
  t.throws(() => got?.value, reason('InternalError'), 'unreadable without its plugin');
  reader.setEncodings([encoding]);
  t.strictSame(got?.value.data, { p: 'plain' });
  t.equal(got?.value.metadata?.resourceVersion, String(made.revision));
  await reader.modify(ConfigMaps, { namespace: 'enc', name: 'e' }, (draft) => {
    draft.data = { p: 'new' };
  });
  t.strictSame((await store.get(ConfigMaps, { namespace: 'enc', name: 'e' }))?.value.data, { p: 'new' });
  const connection = await server.connect('raw');
  t.teardown(() => connection.close());
  const manager = await connection.jetstreamManager();
  const raw = await manager.streams.getMessage('orlop-objects', { last_by_subj: 'obj.=.configmaps.enc.e' });
  t.notMatch(Buffer.from(raw.data).toString('latin1'), /new/, 'nothing readable in the stream');
  await store.delete(ConfigMaps, { namespace: 'enc', name: 'e' });
});

t.test('many writes at once share flights, and all are there', async (t) => {
  const store = await testStore(t, server);
  const before = store.stats().written;
  await Promise.all(
    Array.from({ length: 500 }, (_, i) =>
      store.create(ConfigMaps, config(`b-${i}`, { i: String(i) }, 'batch')),
    ),
  );
  const after = store.stats().written;
  t.ok(after.flights - before.flights < 250, `${after.flights - before.flights} flights for 500 writes`);
  const list = await store.list(ConfigMaps, { namespace: 'batch' });
  t.equal(list.items.length, 500);
  for (const item of list.items) t.equal(item.key.name, `b-${item.value.data?.['i']}`);
  t.ok((await store.health()).healthy);
});

t.test('a list goes on at another process', async (t) => {
  const [a, b] = [await testStore(t, server), await testStore(t, server)];
  for (let i = 0; i < 4; i++) await a.create(ConfigMaps, config(`p-${i}`, {}, 'pages'));
  const first = await a.list(ConfigMaps, { namespace: 'pages', limit: 2 });
  const second = await b.list(ConfigMaps, { namespace: 'pages', limit: 2, continue: first.continue });
  t.strictSame(
    [...first.items, ...second.items].map(({ key }) => key.name),
    ['p-0', 'p-1', 'p-2', 'p-3'],
  );
  t.equal(second.revision, first.revision);
});

t.test('a store closes although NATS is away', async (t) => {
  const other = await testNats(t);
  const store = await testStore(t, other);
  await other.stop();
  const reading = t.rejects(store.get(ConfigMaps, { namespace: 'a', name: 'b' }), { name: 'StatusError' });
  await store.close();
  await reading;
});
