/**
 * Random concurrent clients on several processes' stores, checked against a model: the writes that were acknowledged, in the order of
 * their revisions. Set ORLOP_SEED to run the same choices again.
 */
import t from 'tap';
import { type ConfigMap, ConfigMaps, isStatus, type WatchEvent } from '../../kernel/contract/index.ts';
import type { ObjectStore } from '../../kernel/store/index.ts';
import { testNats, testStore } from './nats.ts';

const STORES = 3;
const CLIENTS = 24;
const STEPS = 60;
const KEYS = 12;
const NAMESPACE = 'model';

interface Fact {
  revision: number;
  name: string;
  /** Absent: deleted. */
  value: string | undefined;
  before: 'absent' | 'present';
}

const seed = Number(process.env['ORLOP_SEED'] ?? Date.now() % 1_000_000);

/** Mulberry32. */
function random(state: number): () => number {
  let a = state;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let x = Math.imul(a ^ (a >>> 15), 1 | a);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 4294967296;
  };
}

function config(name: string, value: string, resourceVersion?: string): ConfigMap {
  return {
    metadata: { name, namespace: NAMESPACE, ...(resourceVersion && { resourceVersion }) },
    data: { value },
  };
}

t.test(`a model of ${CLIENTS} clients on ${STORES} stores (ORLOP_SEED=${seed})`, async (t) => {
  const server = await testNats(t);
  const stores = await Promise.all(Array.from({ length: STORES }, () => testStore(t, server)));
  const facts: Fact[] = [];
  const newest = new Map<string, number>();
  const lists: { revision: number; items: [string, string][] }[] = [];
  const replays: { revision: number; state: Map<string, string>; events: number[] }[] = [];
  const start = stores[0]!.revision();

  const learn = (fact: Fact): void => {
    facts.push(fact);
    newest.set(fact.name, Math.max(newest.get(fact.name) ?? 0, fact.revision));
  };
  const logs = stores.map((store) => {
    const events: WatchEvent<ConfigMap>[] = [];
    store.watch(
      ConfigMaps,
      { namespace: NAMESPACE, since: start },
      { event: (event) => events.push(event), closed: (error) => error && t.fail(error.message) },
    );
    return events;
  });

  const client = async (id: number): Promise<void> => {
    const chance = random(seed * 1000 + id);
    const pick = <T>(from: readonly T[]): T => from[Math.floor(chance() * from.length)]!;
    for (let step = 0; step < STEPS; step++) {
      const store = pick(stores);
      const name = `k-${Math.floor(chance() * KEYS)}`;
      const value = `${id}.${step}`;
      const key = { namespace: NAMESPACE, name };
      const dice = chance();
      try {
        if (dice < 0.3) {
          const { revision } = await store.create(ConfigMaps, config(name, value));
          learn({ revision, name, value, before: 'absent' });
        } else if (dice < 0.5) {
          const { revision } = await store.update(ConfigMaps, config(name, value));
          learn({ revision, name, value, before: 'present' });
        } else if (dice < 0.6) {
          const known = newest.get(name);
          const present = await store.get(ConfigMaps, key);
          if (known && present && present.revision < known)
            t.fail(`${name}: read ${present.revision} after ${known}`);
          if (!present) continue;
          const { revision } = await store.update(ConfigMaps, config(name, value, String(present.revision)));
          learn({ revision, name, value, before: 'present' });
        } else if (dice < 0.75) {
          const { revision } = await store.delete(ConfigMaps, key);
          learn({ revision, name, value: undefined, before: 'present' });
        } else if (dice < 0.85) {
          const other = `k-${(Number(name.slice(2)) + 1) % KEYS}`;
          const [first, second] = await store.transact([
            { verb: 'create', resource: ConfigMaps, object: config(name, value) },
            { verb: 'delete', resource: ConfigMaps, key: { namespace: NAMESPACE, name: other } },
          ] as never);
          learn({ revision: first!.revision, name, value, before: 'absent' });
          learn({ revision: second!.revision, name: other, value: undefined, before: 'present' });
        } else if (dice < 0.95) {
          lists.push(await listed(store, chance() < 0.5 ? 0 : 3));
        } else replays.push(replay(store, await listed(store, 0)));
      } catch (error) {
        if (!isStatus(error, 'Conflict', 'AlreadyExists', 'NotFound')) throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, (_, id) => client(id)));
  const last = await Promise.all(stores.map((store) => listed(store, 0)));

  facts.sort((a, b) => a.revision - b.revision);
  t.equal(
    new Set(facts.map(({ revision }) => revision)).size,
    facts.length,
    `${facts.length} writes, each its revision`,
  );
  const states = new Map<number, Map<string, string>>([[start, new Map()]]);
  const state = new Map<string, string>();
  let wrong = 0;
  for (const fact of facts) {
    if (state.has(fact.name) !== (fact.before === 'present')) wrong += 1;
    if (fact.value === undefined) state.delete(fact.name);
    else state.set(fact.name, fact.value);
    states.set(fact.revision, new Map(state));
  }
  t.equal(wrong, 0, 'every write acted on the state before it');

  const revisions = facts.map(({ revision }) => revision);
  /** What the model says of a revision: the state after the last write up to it. */
  const modelAt = (revision: number): [string, string][] => {
    const at = revisions.findLast((known) => known <= revision) ?? start;
    return [...states.get(at)!].sort();
  };
  for (const list of [...lists, ...last])
    t.strictSame(list.items.sort(), modelAt(list.revision), `list at ${list.revision}`);
  for (const events of logs) {
    t.strictSame(
      events.map(({ revision, type }) => `${revision} ${type}`),
      facts.map(
        ({ revision, value, before }) =>
          `${revision} ${value === undefined ? 'DELETED' : before === 'absent' ? 'ADDED' : 'MODIFIED'}`,
      ),
      'a watch sees every write once, in order',
    );
  }
  for (const { revision, state, events } of replays) {
    t.strictSame(
      events,
      revisions.filter((known) => known > revision),
      `a list at ${revision} and the watch from it miss nothing`,
    );
    t.strictSame([...state].sort(), modelAt(Number.MAX_SAFE_INTEGER));
  }
});

/** A list, page by page when `limit` is not 0. */
async function listed(
  store: ObjectStore,
  limit: number,
): Promise<{ revision: number; items: [string, string][] }> {
  const items: [string, string][] = [];
  let next: string | undefined;
  for (;;) {
    const page = await store.list(ConfigMaps, { namespace: NAMESPACE, limit, continue: next });
    for (const { key, value } of page.items) items.push([key.name, value.data!['value']!]);
    next = page.continue;
    if (!next) return { revision: page.revision, items };
    // Others write between the pages.
    await store.get(ConfigMaps, { namespace: NAMESPACE, name: 'k-0' });
  }
}

/** Keeps a list true by the watch from its revision. */
function replay(
  store: ObjectStore,
  list: { revision: number; items: [string, string][] },
): { revision: number; state: Map<string, string>; events: number[] } {
  const state = new Map(list.items);
  const events: number[] = [];
  store.watch(
    ConfigMaps,
    { namespace: NAMESPACE, since: list.revision },
    {
      event: ({ type, object, revision }) => {
        events.push(revision);
        if (type === 'DELETED') state.delete(object!.key.name);
        else state.set(object!.key.name, object!.value.data!['value']!);
      },
      closed: () => undefined,
    },
  );
  return { revision: list.revision, state, events };
}
