import type { NatsConnection } from 'nats';
import type { Logger, ObjectClient, Resource, SecretsEncoding } from '../contract/index.ts';
import { Link } from '../nats/link.ts';
import { Client } from './client.ts';
import { Encodings } from './encodings.ts';
import { HighWater } from './highwater.ts';
import { Shard } from './shard.ts';
import { ensureStream } from './stream.ts';
import { STREAMS, streamOf } from './subjects.ts';
import { Writer } from './writer.ts';

export { type Blobs, openBlobs } from './blobs.ts';

const MINUTE = 60_000;

export interface StoreOptions {
  /** Its owner closes it, after the store. */
  connection: NatsConnection;
  log: Logger;
  /** Only these are held in memory and can be read; absent: all. All can be written. */
  resources?: readonly Resource[] | undefined;
  /** Who writes, unless `as` says otherwise. */
  writer: string;
  /** Copies of each stream, when it has to be made. */
  replicas?: 1 | 3 | undefined;
  /** Resources whose values pass through the secrets encoding. */
  encoded?: readonly Resource[] | undefined;
  /** File of what was seen of the streams, kept apart from them: see `HighWater`. */
  highWater?: string | undefined;
  /** Why nothing can be written just now: writes then fail at once, before they are sent. */
  trouble?: (() => string | undefined) | undefined;
}

export interface ObjectStore extends ObjectClient {
  /** The same store for another writer. */
  as(writer: string): ObjectClient;
  /** The first writes encoded resources, all read them; until this is called, they can be neither written nor read. */
  setEncodings(encodings: readonly SecretsEncoding[]): void;
  /** The last revision of the objects' stream that the cache has. */
  revision(): number;
  close(): Promise<void>;
}

/** Opens the object store and loads its cache. Throws `ServiceUnavailable`. */
export async function openStore(o: StoreOptions): Promise<ObjectStore> {
  const link = new Link(o.connection);
  const encodings = new Encodings(o.encoded ?? []);
  const highWater = o.highWater === undefined ? undefined : new HighWater(o.highWater, o.log);
  try {
    await Promise.all(
      STREAMS.map(async (design) => {
        await ensureStream(link, design, o.replicas ?? 1, highWater?.first(design));
        await highWater?.enforce(link, design);
      }),
    );
  } catch (error) {
    link.close();
    throw error;
  }
  const shards = STREAMS.map(
    (design) =>
      new Shard({
        link,
        design,
        encodings,
        resources: o.resources?.filter((resource) => streamOf(resource) === design),
        log: o.log,
      }),
  );
  const store = new Store(link, shards, encodings, highWater, o);
  try {
    await store.loaded();
    await highWater?.follow(() => shards.map(({ design, cache }) => [design.name, cache.applied]));
  } catch (error) {
    await store.close();
    throw error;
  }
  return store;
}

class Store extends Client implements ObjectStore {
  readonly #link: Link;
  readonly #highWater: HighWater | undefined;
  readonly #shards: readonly Shard[];
  readonly #encodings: Encodings;
  readonly #shardOf: (resource: Resource) => Shard;
  readonly #writer: Writer;
  readonly #minutes: NodeJS.Timeout;

  constructor(
    link: Link,
    shards: readonly Shard[],
    encodings: Encodings,
    highWater: HighWater | undefined,
    o: StoreOptions,
  ) {
    const byDesign = new Map(shards.map((shard) => [shard.design, shard]));
    const shardOf = (resource: Resource): Shard => byDesign.get(streamOf(resource))!;
    const writes = new Writer(shards, shardOf, encodings, o.trouble ?? (() => undefined));
    super(shardOf, writes, { writer: o.writer });
    this.#link = link;
    this.#highWater = highWater;
    this.#shards = shards;
    this.#encodings = encodings;
    this.#shardOf = shardOf;
    this.#writer = writes;
    this.#minutes = setInterval(() => this.#minute(), MINUTE).unref();
  }

  as(writer: string): ObjectClient {
    return new Client(this.#shardOf, this.#writer, { writer });
  }

  setEncodings(encodings: readonly SecretsEncoding[]): void {
    this.#encodings.set(encodings);
  }

  revision(): number {
    return this.#shards[0]!.cache.applied;
  }

  /** Resolves when everything that was stored is in the cache. */
  async loaded(): Promise<void> {
    await Promise.all(this.#shards.map((shard) => shard.loaded()));
  }

  async close(): Promise<void> {
    clearInterval(this.#minutes);
    const closed = Promise.all(this.#shards.map((shard) => shard.close()));
    // What still asks NATS gives up, also when NATS is away.
    this.#link.close();
    await closed;
    await this.#highWater?.close();
  }

  /** Bookmarks first: they carry watches over the past that goes. */
  #minute(): void {
    for (const { cache } of this.#shards)
      for (const table of cache.tables.values()) {
        for (const watcher of table.watchers) if (watcher.bookmarks) watcher.bookmark(cache.applied);
        table.age();
      }
  }
}
