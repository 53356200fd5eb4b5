import {
  type DeleteOptions,
  type GetOptions,
  generateName,
  type Health,
  isStatus,
  type KubeObject,
  type ListOptions,
  type ObjectClient,
  type ObjectKey,
  type ObjectList,
  type PastRevision,
  type Resource,
  type StoredObject,
  type StoreStats,
  type Watch,
  type WatchOptions,
  type WatchSink,
  type Write,
} from '../contract/index.ts';
import { decodeContinue } from './continue.ts';
import { page } from './read.ts';
import type { Shard } from './shard.ts';
import { sortKey } from './subjects.ts';
import { startWatch } from './watch.ts';
import type { Author, Writer } from './writer.ts';

const NAMES_TRIED = 8;

/** The object store as one author sees it. */
export class Client implements ObjectClient {
  readonly #shardOf: (resource: Resource) => Shard;
  readonly #writer: Writer;
  readonly #author: Author;

  constructor(shardOf: (resource: Resource) => Shard, writer: Writer, author: Author) {
    this.#shardOf = shardOf;
    this.#writer = writer;
    this.#author = author;
  }

  async get<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    options: GetOptions = {},
  ): Promise<StoredObject<T> | undefined> {
    const shard = this.#shardOf(resource);
    shard.table(resource);
    const { at, revision = at, signal } = options;
    await shard.fresh(resource, { revision, signal });
    const scoped = keyIn(resource, key);
    if (at !== undefined) return await shard.at(resource, scoped, at);
    const entry = shard.table(resource).newest(sortKey(scoped));
    return entry?.deleted ? undefined : (entry as StoredObject<T> | undefined);
  }

  async history<T extends KubeObject>(resource: Resource<T>, key: ObjectKey): Promise<PastRevision<T>[]> {
    return await this.#shardOf(resource).history(resource, keyIn(resource, key));
  }

  async list<T extends KubeObject>(
    resource: Resource<T>,
    options: ListOptions<T> = {},
  ): Promise<ObjectList<T>> {
    const shard = this.#shardOf(resource);
    shard.table(resource);
    // A page after the first may be asked of another process than the first.
    const pinned = options.continue && decodeContinue(options.continue, shard.cache.epoch).revision;
    const revision = pinned || (options.at ?? options.revision);
    await shard.fresh(resource, { revision, signal: options.signal });
    return page(shard.table(resource), options, shard.cache.applied, shard.cache.epoch);
  }

  watch<T extends KubeObject>(resource: Resource<T>, options: WatchOptions<T>, sink: WatchSink<T>): Watch {
    return startWatch(this.#shardOf(resource), resource, options, sink);
  }

  async create<T extends KubeObject>(resource: Resource<T>, object: T): Promise<StoredObject<T>> {
    const { name, generateName: prefix } = object.metadata ?? {};
    if (name || !prefix) return await this.#write({ verb: 'create', resource, object });
    for (let attempt = 1; ; attempt++) {
      const named = { ...object, metadata: { ...object.metadata, name: generateName(prefix) } };
      try {
        return await this.#write({ verb: 'create', resource, object: named });
      } catch (error) {
        if (attempt === NAMES_TRIED || !isStatus(error, 'AlreadyExists')) throw error;
      }
    }
  }

  async update<T extends KubeObject>(resource: Resource<T>, object: T): Promise<StoredObject<T>> {
    return await this.#write({ verb: 'update', resource, object });
  }

  async modify<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    change: (draft: T) => void | boolean,
  ): Promise<StoredObject<T>> {
    return await this.#writer.modify(resource, keyIn(resource, key), change, this.#author);
  }

  async delete<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    options: DeleteOptions = {},
  ): Promise<StoredObject<T>> {
    return await this.#write({ ...options, verb: 'delete', resource, key });
  }

  async transact(writes: Write[]): Promise<StoredObject[]> {
    return await this.#writer.transact(writes, this.#author);
  }

  health(): Promise<Health> {
    return this.#writer.health();
  }

  stats(): StoreStats {
    return this.#writer.stats();
  }

  onBehalfOf(user: string): ObjectClient {
    return new Client(this.#shardOf, this.#writer, { ...this.#author, user });
  }

  async #write<T extends KubeObject>(write: Write<T>): Promise<StoredObject<T>> {
    return (await this.#writer.write(
      write as unknown as Write,
      this.#author,
    )) as StoredObject<KubeObject> as StoredObject<T>;
  }
}

function keyIn(resource: Resource, key: ObjectKey): ObjectKey {
  return resource.namespaced ? key : { name: key.name };
}
