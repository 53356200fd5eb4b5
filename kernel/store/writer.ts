import { setTimeout as sleep } from 'node:timers/promises';
import {
  conflict,
  type Health,
  type KubeObject,
  notFound,
  type ObjectKey,
  type Resource,
  StatusError,
  type StoredObject,
  type StoreStats,
  subjectToken,
  type Write,
} from '../contract/index.ts';
import type { Encodings } from './encodings.ts';
import type { Entry } from './entry.ts';
import { HEADERS } from './headers.ts';
import type { Append } from './journal.ts';
import { keyOfObject, type Plan, planWrite } from './plan.ts';
import type { Shard } from './shard.ts';
import { TOMBSTONE_TTL } from './stream.ts';
import { subjectOf } from './subjects.ts';

/** A write that loses this many races gives up with `Conflict`. */
const RACES = 100;
const LONGEST_USER = 512;

export interface Author {
  /** A plugin, or a kernel. */
  writer: string;
  user?: string | undefined;
}

/** Carries writes out: plans each on the newest revision it knows, and again on a newer one when another write was first. */
export class Writer {
  readonly #shards: readonly Shard[];
  readonly #shardOf: (resource: Resource) => Shard;
  readonly #encodings: Encodings;
  readonly #trouble: () => string | undefined;

  constructor(
    shards: readonly Shard[],
    shardOf: (resource: Resource) => Shard,
    encodings: Encodings,
    trouble: () => string | undefined,
  ) {
    this.#shards = shards;
    this.#shardOf = shardOf;
    this.#encodings = encodings;
    this.#trouble = trouble;
  }

  stats(): StoreStats {
    const tables = this.#shards.flatMap((shard) => [...shard.cache.tables.values()]);
    const sum = (of: (table: (typeof tables)[number]) => number): number =>
      tables.reduce((total, table) => total + of(table), 0);
    const written = { messages: 0, flights: 0, conflicts: 0, unknown: 0 };
    for (const shard of this.#shards)
      for (const name of ['messages', 'flights', 'conflicts', 'unknown'] as const)
        written[name] += shard.journal.written[name];
    return {
      objects: sum((table) => table.size),
      bytes: sum((table) => table.bytes),
      events: sum((table) => table.ringSize),
      watchers: sum((table) => table.watchers.size),
      written,
    };
  }

  /** Writes a canary to every stream. */
  async health(): Promise<Health> {
    try {
      this.#checkAvailable();
      await Promise.all(this.#shards.map((shard) => shard.canary()));
      return { healthy: true };
    } catch (error) {
      return { healthy: false, message: `objects cannot be written: ${(error as Error).message}` };
    }
  }

  /** Throws `ServiceUnavailable` while it is known that nothing can be written. */
  #checkAvailable(): void {
    const trouble = this.#trouble();
    if (trouble) throw new StatusError('ServiceUnavailable', trouble, { retryAfterSeconds: 5 });
  }

  async write(write: Write, author: Author): Promise<Entry> {
    return (await this.transact([write], author))[0]!;
  }

  /** All or nothing. */
  async transact(writes: readonly Write[], author: Author): Promise<Entry[]> {
    const first = writes[0];
    if (!first) return [];
    this.#checkAvailable();
    const shard = this.#shardOf(first.resource);
    const targets = writes.map((write) => ({ write, key: keyOfWrite(write) }));
    this.#check(shard, writes, targets);
    let known = await Promise.all(targets.map(({ write, key }) => shard.newest(write.resource, key)));
    // What the cache says may be behind: a refusal must come from the stream's leader.
    let fresh = false;
    const refresh = async (): Promise<void> => {
      known = await Promise.all(targets.map(({ write, key }) => shard.fromLeader(write.resource, key)));
      fresh = true;
    };
    for (let race = 0; race < RACES; race++) {
      let plans: Plan[];
      try {
        plans = targets.map(({ write, key }, i) => planWrite(write, key, known[i]));
      } catch (error) {
        if (fresh) throw error;
        await refresh();
        continue;
      }
      if (plans.every((plan) => plan.json === undefined)) {
        if (fresh)
          return await Promise.all(targets.map(({ write, key }, i) => cached(shard, write, key, known[i]!)));
        await refresh();
        continue;
      }
      const appends = targets.map(({ write, key }, i) =>
        this.#append(write, key, plans[i]!, known[i], author),
      );
      const revisions = await this.#send(shard, appends);
      if (revisions !== 'conflict')
        return await Promise.all(
          targets.map(({ write, key }, i) => shard.written(write.resource, key, appends[i]!, revisions[i]!)),
        );
      if (race > 3) await sleep(Math.random() * Math.min(5 * race, 100));
      await refresh();
    }
    throw conflict(first.resource, targets[0]!.key.name, `${RACES} other writes came first; try again later`);
  }

  /** Reads, lets `change` change a copy, writes it if it is still the newest, else again. */
  async modify<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    change: (draft: T) => void | boolean,
    author: Author,
  ): Promise<StoredObject<T>> {
    const shard = this.#shardOf(resource);
    let current = await shard.newest(resource, key);
    let fresh = false;
    for (let race = 0; race < RACES; race++) {
      if (!current || current.deleted) {
        if (fresh) throw notFound(resource, key.name);
        current = await shard.fromLeader(resource, key);
        fresh = true;
        continue;
      }
      const draft = structuredClone(current.value) as T;
      if (change(draft) === false) return current as StoredObject<KubeObject> as StoredObject<T>;
      draft.metadata = { ...draft.metadata, resourceVersion: String(current.revision) };
      try {
        return (await this.write(
          { verb: 'update', resource, object: draft },
          author,
        )) as StoredObject<KubeObject> as StoredObject<T>;
      } catch (error) {
        if (!(error instanceof StatusError) || error.reason !== 'Conflict') throw error;
        if (race > 3) await sleep(Math.random() * Math.min(5 * race, 100));
        current = await shard.newest(resource, key);
      }
    }
    throw conflict(resource, key.name, `${RACES} other writes came first; try again later`);
  }

  async #send(shard: Shard, appends: readonly Append[]): Promise<number[] | 'conflict'> {
    if (appends.length > 1) return await shard.journal.appendAll(appends);
    const revision = await shard.journal.append(appends[0]!);
    return revision === 'conflict' ? revision : [revision];
  }

  #append(write: Write, key: ObjectKey, plan: Plan, current: Entry | undefined, author: Author): Append {
    const subject = subjectOf(write.resource, key);
    const { data, encoding } = this.#encodings.encode(write.resource, plan.json ?? current!.json, subject);
    return {
      subject,
      data,
      expected: current?.revision ?? 0,
      headers: {
        [HEADERS.writer]: author.writer,
        ...(author.user !== undefined && {
          [HEADERS.user]: subjectToken(author.user.slice(0, LONGEST_USER)),
        }),
        ...(encoding && { [HEADERS.encoding]: encoding }),
        ...(plan.remove && { [HEADERS.operation]: 'delete', [HEADERS.ttl]: `${TOMBSTONE_TTL}s` }),
        // Nothing is left under an encoding or a key that is not the current one.
        ...((plan.remove || current?.stale) && { [HEADERS.rollup]: 'sub' }),
      },
    };
  }

  #check(shard: Shard, writes: readonly Write[], targets: readonly { write: Write; key: ObjectKey }[]): void {
    if (writes.length > 1_000) throw new StatusError('BadRequest', 'a transaction has at most 1,000 writes');
    if (writes.some((write) => this.#shardOf(write.resource) !== shard)) {
      const text = 'a transaction cannot write both events or leases and other objects';
      throw new StatusError('BadRequest', text);
    }
    const subjects = new Set(targets.map(({ write, key }) => subjectOf(write.resource, key)));
    if (subjects.size < writes.length)
      throw new StatusError('BadRequest', 'a transaction writes each object at most once');
  }
}

function keyOfWrite(write: Write): ObjectKey {
  if (write.verb !== 'delete') return keyOfObject(write.resource, write.object);
  return write.resource.namespaced ? write.key : { name: write.key.name };
}

/** The cache's own entry rather than one made from the leader's answer. */
async function cached(shard: Shard, write: Write, key: ObjectKey, known: Entry): Promise<Entry> {
  const entry = await shard.newest(write.resource, key);
  return entry?.revision === known.revision ? entry : known;
}
