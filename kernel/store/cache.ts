import type { Msg } from 'nats';
import { expired, StatusError } from '../contract/index.ts';
import { type Room, slabs } from './bytes.ts';
import type { Encodings } from './encodings.ts';
import { Entry } from './entry.ts';
import type { FeedTarget } from './feed.ts';
import { HEADERS, headerIn } from './headers.ts';
import { type StreamState, TOMBSTONE_TTL } from './stream.ts';
import { parseSubject, sortKey } from './subjects.ts';
import { Table } from './table.ts';

/** Deletions remembered for the sweep, at most, outside of a load. */
const TOMBSTONES = 2_048;

/** By the calendar, which can be set back, and since the start, which may stand still while the machine sleeps. */
interface Moment {
  wall: number;
  steady: number;
}

interface Waiter {
  resolve(): void;
  reject(error: Error): void;
}

/** One stream's objects in memory, fed in order; what every read of this process is served from. */
export class Cache implements FeedTarget {
  /** The last revision that is in it. */
  applied = 0;
  epoch = '';
  /** Told, when a session has caught up, which deletions were seen lately. */
  onSession: ((tombstones: { subject: string; revision: number }[]) => void) | undefined;
  readonly #encodings: Encodings;
  readonly #waiters = new Map<number, Set<Waiter>>();
  #tables = new Map<string, Table>();
  #loading = false;
  /** While loading: what is loaded lives about equally long. */
  #room: Room | undefined;
  #ready = false;
  #lastHeard: Moment | undefined;
  /** Between the beginning of a session and its first `caughtUp`. */
  #resuming = false;
  #tombstones: { subject: string; revision: number }[] = [];

  constructor(encodings: Encodings) {
    this.#encodings = encodings;
  }

  get tables(): ReadonlyMap<string, Table> {
    return this.#tables;
  }

  get ready(): boolean {
    return this.#ready;
  }

  /** The table of a resource, by its id. */
  table(id: string): Table {
    let table = this.#tables.get(id);
    if (!table) {
      table = new Table();
      table.loaded(this.applied);
      this.#tables.set(id, table);
    }
    return table;
  }

  begin({ epoch, lastRevision, rewound }: StreamState & { rewound: boolean }): number {
    // Who was away for long may have missed tombstones that are gone by now.
    const stale = this.#lastHeard !== undefined && since(this.#lastHeard) > (TOMBSTONE_TTL / 2) * 1000;
    const resume = this.#ready && !stale && !rewound && epoch === this.epoch && lastRevision >= this.applied;
    this.#lastHeard = now();
    this.#resuming = true;
    if (resume) return this.applied + 1;
    this.#reset(epoch);
    return 0;
  }

  message(revision: number, message: Msg, headers: string): void {
    this.#lastHeard = now();
    const from = this.applied;
    // A consumer on a copy of the stream that is behind starts before what was asked for.
    if (!this.#loading && revision <= from) return;
    this.applied = Math.max(from, revision);
    const parsed = parseSubject(message.subject);
    if (parsed) {
      const { resource, key } = parsed;
      const table = this.#loading ? this.#loadingTable(resource) : this.table(resource);
      const entry = this.#entry(table, revision, key, message, headers);
      if (entry?.deleted) this.#remember(message.subject, revision);
      if (entry && this.#loading) table.load(entry);
      else if (entry) {
        if (this.#resuming && replaced(table, entry)) table.interrupt(revision);
        table.apply(entry);
        for (const watcher of table.watchers) watcher.event(entry);
      }
    }
    if (!this.#loading) this.#release(from);
  }

  caughtUp(revision: number): void {
    this.#lastHeard = now();
    const from = this.applied;
    this.applied = Math.max(from, revision);
    if (this.#loading) {
      this.#loading = false;
      this.#room = undefined;
      this.#ready = true;
      for (const table of this.#tables.values()) table.loaded(this.applied);
      this.#release(-1);
    } else if (this.applied > from) this.#release(from);
    if (!this.#resuming) return;
    this.#resuming = false;
    this.onSession?.(this.#tombstones.splice(0));
  }

  /** Resolves when a revision is in. Throws `Timeout` after `timeout` milliseconds. */
  async wait(revision: number, timeout: number, signal?: AbortSignal): Promise<void> {
    if (this.#ready && !this.#loading && this.applied >= revision) return;
    const waiters = this.#waiters.get(revision) ?? new Set();
    this.#waiters.set(revision, waiters);
    let waiter!: Waiter;
    const abort = (): void => waiter.reject(new StatusError('Timeout', 'the request was given up'));
    const late = (): void => {
      const message = `Too large resource version: ${revision}, current: ${this.applied}`;
      const causes = [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }];
      waiter.reject(new StatusError('Timeout', message, { retryAfterSeconds: 1, causes }));
    };
    const timer = setTimeout(late, timeout);
    try {
      await new Promise<void>((resolve, reject) => {
        waiter = { resolve, reject };
        waiters.add(waiter);
        signal?.addEventListener('abort', abort, { once: true });
        if (signal?.aborted) abort();
      });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      waiters.delete(waiter);
      if (waiters.size === 0 && this.#waiters.get(revision) === waiters) this.#waiters.delete(revision);
    }
  }

  close(): void {
    const error = new StatusError('ServiceUnavailable', 'the store is closed');
    for (const waiters of [...this.#waiters.values()])
      for (const waiter of [...waiters]) waiter.reject(error);
    for (const table of this.#tables.values()) for (const watcher of [...table.watchers]) watcher.close();
  }

  #entry(
    table: Table,
    revision: number,
    key: Entry['key'],
    message: Msg,
    headers: string,
  ): Entry | undefined {
    const { data } = message;
    const deleted = headerIn(headers, HEADERS.operation) === 'delete';
    const codec = this.#encodings.codec(headerIn(headers, HEADERS.encoding), message.subject);
    if (data.length > 0) return new Entry(key, revision, data, deleted, codec, this.#room);
    // The stream's own marker of an object that aged away.
    const last = table.newest(sortKey(key));
    return last && !last.deleted ? last.at(revision) : undefined;
  }

  #remember(subject: string, revision: number): void {
    this.#tombstones.push({ subject, revision });
    if (!this.#loading && this.#tombstones.length > 2 * TOMBSTONES)
      this.#tombstones = this.#tombstones.slice(-TOMBSTONES);
  }

  #loadingTable(id: string): Table {
    let table = this.#tables.get(id);
    if (!table) {
      table = new Table();
      this.#tables.set(id, table);
    }
    return table;
  }

  #reset(epoch: string): void {
    const old = this.#tables;
    this.#tables = new Map();
    this.#loading = true;
    this.#room = slabs();
    this.applied = 0;
    this.epoch = epoch;
    for (const table of old.values())
      for (const watcher of [...table.watchers])
        watcher.close(expired('the watch was interrupted; list again'));
  }

  #release(from: number): void {
    if (this.applied - from <= this.#waiters.size) {
      for (let revision = from + 1; revision <= this.applied; revision++) this.#resolve(revision);
    } else {
      for (const revision of [...this.#waiters.keys()]) if (revision <= this.applied) this.#resolve(revision);
    }
  }

  #resolve(revision: number): void {
    const waiters = this.#waiters.get(revision);
    if (waiters) for (const waiter of [...waiters]) waiter.resolve();
  }
}

/** Whether an object was deleted and made again while this process was away, and the stream no longer tells. */
function replaced(table: Table, entry: Entry): boolean {
  const previous = table.newest(sortKey(entry.key));
  if (!previous || previous.deleted || entry.deleted) return false;
  return previous.value.metadata?.uid !== entry.value.metadata?.uid;
}

function now(): Moment {
  return { wall: Date.now(), steady: performance.now() };
}

/** Milliseconds; rather too many than too few. */
function since({ wall, steady }: Moment): number {
  return Math.max(Date.now() - wall, performance.now() - steady);
}
