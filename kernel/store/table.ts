import { controllerOf, expired } from '../contract/index.ts';
import { Entry } from './entry.ts';
import { SortedKeys } from './keys.ts';
import { sortKey } from './subjects.ts';
import type { Watcher } from './watcher.ts';

/** How much of the past is kept for watches and pinned lists at most, whichever is reached first. */
const RING_EVENTS = 8192;
const RING_BYTES = 32 * 1024 * 1024;
/** As etcd is compacted by a Kubernetes API server; of a resource that seldom changes the last events are kept for as long as it likes. */
const RING_MINUTES = 5;
const RING_LEAST = 128;
/** Of the past, how many events keep their parsed value, which takes about twice the memory of the bytes: for watchers that are a little behind. */
const RING_VALUES = 128;

/**
 * All objects of one resource: the newest revision of each, sorted, and below it those that recent events replaced, so that the state
 * at any revision from `floor` on can be read. Deleted objects stay as tombstones until their event leaves the ring.
 */
export class Table {
  /** The oldest revision that can be read or watched from. */
  floor = 0;
  bytes = 0;
  readonly watchers = new Set<Watcher>();
  readonly #newest = new Map<string, Entry>();
  #keys = new SortedKeys();
  #ring: Entry[] = [];
  #head = 0;
  #ringBytes = 0;
  /** The last revision at each of the last minutes, oldest first. */
  readonly #minutes: number[] = [];
  #tombstones = 0;
  #owners: Map<string, Set<string>> | undefined;

  get size(): number {
    return this.#keys.size - this.#tombstones;
  }

  get ringSize(): number {
    return this.#ring.length - this.#head;
  }

  /** Takes an entry of the first load, in any order; `loaded` ends it. */
  load(entry: Entry): void {
    const key = sortKey(entry.key);
    this.bytes += entry.size - (this.#newest.get(key)?.size ?? 0);
    this.#newest.set(key, entry);
  }

  /** From here on `floor` is the oldest revision that can be asked for. */
  loaded(floor: number): void {
    this.floor = floor;
    for (const [key, entry] of this.#newest) if (entry.deleted) this.#newest.delete(key);
    this.#keys = new SortedKeys(this.#newest.keys());
  }

  /** Takes the next event. */
  apply(entry: Entry): void {
    const key = sortKey(entry.key);
    const previous = this.#newest.get(key);
    Entry.follow(entry, previous);
    if (previous === undefined) this.#keys.add(key);
    this.#tombstones += Number(entry.deleted) - Number(previous?.deleted ?? false);
    this.bytes += entry.size;
    this.#newest.set(key, entry);
    this.#index(previous, entry);
    this.#ring.push(entry);
    this.#ringBytes += entry.size;
    const old = this.#ring.at(-RING_VALUES);
    if (old) Entry.previous(old)?.forget();
    if (old?.deleted) old.forget();
    while (this.ringSize > RING_EVENTS || (this.#ringBytes > RING_BYTES && this.ringSize > 1)) this.#evict();
  }

  /** A minute has passed. */
  age(): void {
    this.#minutes.push(this.#ring.at(-1)?.revision ?? this.floor);
    if (this.#minutes.length <= RING_MINUTES) return;
    const old = this.#minutes.shift()!;
    while (this.ringSize > RING_LEAST && this.#ring[this.#head]!.revision <= old) this.#evict();
    this.#ring = this.#ring.slice(this.#head);
    this.#head = 0;
  }

  /** Ends the past at a revision: an event before it is missing. Watches must list again. */
  interrupt(revision: number): void {
    while (this.ringSize > 0) this.#evict();
    this.floor = revision;
    for (const watcher of [...this.watchers]) watcher.close(expired('an event was missed; list again'));
  }

  /** The newest revision, also when it is a tombstone. */
  newest(key: string): Entry | undefined {
    return this.#newest.get(key);
  }

  /** The state of one object at a revision. */
  at(key: string, revision: number): Entry | undefined {
    const entry = this.#upTo(key, revision);
    return entry?.deleted ? undefined : entry;
  }

  /** Exactly this revision of one object, while it is kept. */
  exactly(key: string, revision: number): Entry | undefined {
    const entry = this.#upTo(key, revision);
    return entry?.revision === revision ? entry : undefined;
  }

  #upTo(key: string, revision: number): Entry | undefined {
    let entry = this.#newest.get(key);
    while (entry !== undefined && entry.revision > revision) entry = Entry.previous(entry);
    return entry;
  }

  /** The sorted keys of a namespace or of all, after `after`. Lazy: a page costs what it shows. */
  *keys(namespace: string | undefined, after: string | undefined): Generator<string> {
    const prefix = namespace === undefined ? '' : `${namespace}\0`;
    const from = after !== undefined && after >= prefix ? after : prefix;
    for (const key of this.#keys.from(from)) {
      if (!key.startsWith(prefix)) return;
      if (key !== after) yield key;
    }
  }

  /** How many keys of a namespace or of all follow `after`; those of objects deleted lately are among them. */
  countAfter(namespace: string | undefined, after: string): number {
    const end = namespace === undefined ? this.#keys.size : this.#keys.before(`${namespace}\x01`);
    return Math.max(0, end - this.#keys.before(`${after}\0`));
  }

  /** The sorted keys of the objects whose controller has this uid now. */
  ownedBy(uid: string): string[] {
    if (!this.#owners) {
      this.#owners = new Map();
      for (const entry of this.#newest.values()) this.#index(undefined, entry);
    }
    return [...(this.#owners.get(uid) ?? [])].sort();
  }

  /** Events after a revision, in order. Throws `Expired`. */
  since(revision: number): Entry[] {
    this.check(revision);
    let low = this.#head;
    let high = this.#ring.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#ring[middle]!.revision <= revision) low = middle + 1;
      else high = middle;
    }
    return this.#ring.slice(low);
  }

  /** Throws `Expired` when the state at a revision is no longer kept. */
  check(revision: number): void {
    if (revision < this.floor)
      throw expired(`too old resource version: ${revision} (${this.floor} is the oldest kept); list again`);
  }

  #evict(): void {
    const entry = this.#ring[this.#head]!;
    this.#head += 1;
    if (this.#head > 1024 && this.#head * 2 > this.#ring.length) {
      this.#ring = this.#ring.slice(this.#head);
      this.#head = 0;
    }
    this.floor = entry.revision;
    this.#ringBytes -= entry.size;
    this.bytes -= Entry.previous(entry)?.size ?? 0;
    Entry.follow(entry, undefined);
    const key = sortKey(entry.key);
    if (entry.deleted && this.#newest.get(key) === entry) {
      this.#newest.delete(key);
      this.#keys.delete(key);
      this.#tombstones -= 1;
      this.bytes -= entry.size;
    }
  }

  #index(previous: Entry | undefined, entry: Entry): void {
    if (!this.#owners) return;
    const key = sortKey(entry.key);
    const before = previous && !previous.deleted ? controllerOf(previous.value)?.uid : undefined;
    const after = entry.deleted ? undefined : controllerOf(entry.value)?.uid;
    if (before === after) return;
    if (before !== undefined) {
      const owned = this.#owners.get(before);
      owned?.delete(key);
      if (owned?.size === 0) this.#owners.delete(before);
    }
    if (after === undefined) return;
    const owned = this.#owners.get(after);
    if (owned) owned.add(key);
    else this.#owners.set(after, new Set([key]));
  }
}
