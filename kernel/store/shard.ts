import {
  fromSubjectToken,
  type KubeObject,
  type Logger,
  type ObjectKey,
  type PastRevision,
  type ReadOptions,
  type Resource,
  StatusError,
  type StoredObject,
} from '../contract/index.ts';
import type { Link } from '../nats/link.ts';
import { ask, lastOf, readMessage, type StoredMessage } from './api.ts';
import { Barrier } from './barrier.ts';
import { Cache } from './cache.ts';
import type { Encodings } from './encodings.ts';
import { Entry } from './entry.ts';
import { Feed } from './feed.ts';
import { HEADERS, headerIn } from './headers.ts';
import { type Append, Journal } from './journal.ts';
import { markerOf, streamState } from './stream.ts';
import { filterOf, resourceId, type StreamDesign, sortKey, subjectOf } from './subjects.ts';
import type { Table } from './table.ts';

/** A read waits this long for a revision it names; a write for its own, before it says that it cannot see it. */
const NAMED_MS = 3_000;
const OWN_MS = 30_000;
const LOAD_MS = 120_000;

/** One stream: its journal for writes, its cache for reads. */
export class Shard {
  readonly design: StreamDesign;
  readonly journal: Journal;
  readonly cache: Cache;
  readonly #link: Link;
  readonly #log: Logger;
  readonly #encodings: Encodings;
  readonly #held: ReadonlySet<string> | undefined;
  readonly #feed: Feed | undefined;
  readonly #barriers = new Map<string, Barrier>();

  /** `resources`: those of the stream that are held here; absent: all. */
  constructor(o: {
    link: Link;
    design: StreamDesign;
    encodings: Encodings;
    resources: readonly Resource[] | undefined;
    log: Logger;
  }) {
    this.design = o.design;
    this.#link = o.link;
    this.#encodings = o.encodings;
    this.journal = new Journal(o.link, o.design.name);
    this.cache = new Cache(o.encodings);
    this.#log = o.log;
    this.cache.onSession = (tombstones) => void this.#sweep(tombstones);
    this.#held = o.resources && new Set(o.resources.map(resourceId));
    if (o.resources?.length !== 0)
      this.#feed = new Feed({
        link: o.link,
        design: o.design,
        filters: o.resources?.map((resource) => `${filterOf(resource)}>`),
        target: this.cache,
        log: o.log,
      });
  }

  holds(resource: Resource): boolean {
    return this.#held === undefined || this.#held.has(resourceId(resource));
  }

  /** Resolves when what was stored is in the cache. */
  async loaded(): Promise<void> {
    if (this.#feed) await this.cache.wait(0, LOAD_MS);
  }

  /** Throws `Forbidden` for a resource that is not held here. */
  table(resource: Resource): Table {
    if (!this.holds(resource)) {
      const text = `this kernel does not hold ${resource.resource}: none of its plugins has a grant to read them`;
      throw new StatusError('Forbidden', text);
    }
    return this.cache.table(resourceId(resource));
  }

  /** Waits until the cache is as fresh as asked for. */
  async fresh(resource: Resource, { revision, signal }: ReadOptions): Promise<void> {
    if (revision === undefined) await this.#settled(await this.#barrier(resource).pass(), signal);
    else await this.cache.wait(revision, revision === 0 ? OWN_MS : NAMED_MS, signal);
  }

  /** The newest revision this process knows, a tombstone too; from the leader for what is not held here. */
  async newest(resource: Resource, key: ObjectKey): Promise<Entry | undefined> {
    return this.holds(resource)
      ? this.table(resource).newest(sortKey(key))
      : await this.fromLeader(resource, key);
  }

  /** The newest revision there is; the cache has it too when this returns. */
  async fromLeader(resource: Resource, key: ObjectKey): Promise<Entry | undefined> {
    const subject = subjectOf(resource, key);
    const message = await readMessage(this.#link, this.design.name, { last_by_subj: subject });
    if (!message) return undefined;
    if (this.holds(resource)) await this.#settled(message.seq);
    return this.#entry(key, message);
  }

  /** What the stream's leader still has of an object, oldest first. Writes meanwhile may push the oldest out: never one in between. */
  async history<T extends KubeObject>(resource: Resource<T>, key: ObjectKey): Promise<PastRevision<T>[]> {
    this.table(resource);
    const subject = subjectOf(resource, key);
    const kept: PastRevision<T>[] = [];
    for (let from = 1; ; ) {
      const message = await readMessage(this.#link, this.design.name, { seq: from, next_by_subj: subject });
      if (!message) return kept;
      from = message.seq + 1;
      // The stream's own marker of an object that aged away says nothing of what it was.
      if (message.data.length === 0) continue;
      const object = this.#entry<T>(key, message);
      const writer = headerIn(message.headers, HEADERS.writer) ?? '';
      const user = headerIn(message.headers, HEADERS.user);
      kept.push({
        object,
        deleted: object.deleted,
        time: message.time,
        writer,
        ...(user !== undefined && { user: fromSubjectToken(user) }),
      });
    }
  }

  /** The state of an object at a revision: from the cache while it has that, else from the stream. Throws `Expired`. */
  async at<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    revision: number,
  ): Promise<StoredObject<T> | undefined> {
    const table = this.table(resource);
    if (revision < table.floor) {
      const kept = await this.history(resource, key);
      const then = kept.findLast(({ object }) => object.revision <= revision);
      if (then) return then.deleted ? undefined : then.object;
    }
    table.check(revision);
    return table.at(sortKey(key), revision) as StoredObject<T> | undefined;
  }

  /** Returns the entry of an append that was acknowledged, once the cache has it. */
  async written(resource: Resource, key: ObjectKey, append: Append, revision: number): Promise<Entry> {
    if (this.holds(resource)) {
      await this.#settled(revision);
      const entry = this.table(resource).exactly(sortKey(key), revision);
      if (entry) return entry;
    }
    const { headers, data, subject } = append;
    const codec = this.#encodings.codec(headers[HEADERS.encoding], subject);
    return new Entry(key, revision, data, headers[HEADERS.operation] === 'delete', codec);
  }

  #entry<T extends KubeObject>(key: ObjectKey, { subject, seq, headers, data }: StoredMessage): Entry<T> {
    const deleted = headerIn(headers, HEADERS.operation) === 'delete' || data.length === 0;
    const codec = this.#encodings.codec(headerIn(headers, HEADERS.encoding), subject);
    return new Entry<T>(key, seq, data.length > 0 ? data : Buffer.from('{"metadata":{}}'), deleted, codec);
  }

  /** Writes something that is no object, durably. */
  async canary(): Promise<void> {
    const answer = await this.#link.request(markerOf(this.design), '', { timeout: 5_000 });
    const { error } = answer.json<{ error?: { description: string } }>();
    if (error) throw new StatusError('ServiceUnavailable', `${this.design.name}: ${error.description}`);
  }

  async close(): Promise<void> {
    this.cache.close();
    await this.#feed?.close();
  }

  async #settled(revision: number, signal?: AbortSignal): Promise<void> {
    await this.cache.wait(revision, OWN_MS, signal);
  }

  /**
   * Removes what is older than a tombstone. The server does so itself with the tombstone's arrival, unless it is killed in between: then
   * the object would come back when the tombstone expires.
   */
  async #sweep(tombstones: { subject: string; revision: number }[]): Promise<void> {
    try {
      for (const { subject, revision } of tombstones)
        await ask(this.#link, `STREAM.PURGE.${this.design.name}`, { filter: subject, seq: revision });
    } catch (error) {
      if (this.#link.closed) return;
      const about = { stream: this.design.name, error: (error as Error).message };
      this.#log.warn(
        'cannot remove old revisions of deleted objects; trying after the next reconnect',
        about,
      );
    }
  }

  #barrier(resource: Resource): Barrier {
    const id = this.#held ? resourceId(resource) : '';
    let barrier = this.#barriers.get(id);
    if (!barrier) {
      barrier = new Barrier(this.#held ? () => this.#lastOf(resource) : () => this.#lastOfAll());
      this.#barriers.set(id, barrier);
    }
    return barrier;
  }

  async #lastOfAll(): Promise<number> {
    const { epoch, lastRevision } = await streamState(this.#link, this.design);
    if (epoch === this.cache.epoch) return lastRevision;
    // What is in memory is of a stream that is no more.
    this.#feed?.restart('the stream was replaced');
    throw new StatusError('ServiceUnavailable', `${this.design.name} was replaced and is being loaded`, {
      retryAfterSeconds: 1,
    });
  }

  /** A filtered feed never sees the stream's last revision, only its resources'. */
  async #lastOf(resource: Resource): Promise<number> {
    await this.#lastOfAll();
    return await lastOf(this.#link, this.design.name, [`${filterOf(resource)}>`]);
  }
}
