import type { KubeObject } from './model/object.ts';
import type { Health } from './plugin.ts';

/** Names a resource. The store keys by group and plural; version and kind are how objects of it present themselves. */
export interface Resource<T extends KubeObject = KubeObject> {
  readonly group: string;
  readonly version: string;
  /** The plural, e.g. `pods`. */
  readonly resource: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /** Phantom: ties the descriptor to its object type. */
  readonly _type?: T;
}

export interface ObjectKey {
  /** Absent for cluster-scoped resources. */
  namespace?: string | undefined;
  name: string;
}

/** One revision of one object as the store's cache holds it. Its readers share it: nothing of it can be changed. */
export interface StoredObject<T extends KubeObject = KubeObject> {
  readonly key: Readonly<ObjectKey>;
  /** Global, ever-growing; the number in `metadata.resourceVersion`. */
  readonly revision: number;
  /** The object's JSON (UTF-8), `metadata.resourceVersion` included: send as is. A copy, made at each access. */
  readonly bytes: Uint8Array;
  /** Length of `bytes`. */
  readonly byteLength: number;
  /** Writes what `bytes` are into `target` from `offset` on; returns where it ends. `RangeError` when it does not fit. */
  copy(target: Uint8Array, offset: number): number;
  /** Parsed at first use, at most once, and frozen throughout: `structuredClone` it to change it. */
  readonly value: T;
  /** It is stored under an encoding or a key that is no longer the current one: any update writes it anew, also one that changes nothing. */
  readonly stale?: boolean;
}

/** Of one process's store, since its start. */
export interface StoreStats {
  objects: number;
  /** Of the objects and the past kept, in bytes. */
  bytes: number;
  /** Past events kept. */
  events: number;
  watchers: number;
  /** Messages sent, in how many flights, how many conflicted and how many had an outcome that had to be found out. */
  written: { messages: number; flights: number; conflicts: number; unknown: number };
}

export interface ReadOptions {
  /**
   * How fresh the answer must be. Absent: linearizable, it reflects every write acknowledged anywhere before the call.
   * `0`: whatever the cache holds. `N`: not older than revision N (waits; `Timeout` "Too large resource version").
   */
  revision?: number | undefined;
  signal?: AbortSignal | undefined;
}

export interface GetOptions extends ReadOptions {
  /**
   * The object as it was at exactly this revision; `undefined` when there was none. `Expired` when that is no longer kept;
   * the oldest revision that is: see `ObjectClient.history`.
   */
  at?: number | undefined;
}

/** One revision of an object that the store still has. */
export interface PastRevision<T extends KubeObject = KubeObject> {
  /** What was written; of a deletion the last state, at the revision of the deletion. */
  readonly object: StoredObject<T>;
  readonly deleted: boolean;
  /** When it was stored: RFC 3339, by the clock of the NATS server. */
  readonly time: string;
  /** The plugin that wrote it, by name; a kernel's own id for what no plugin wrote. */
  readonly writer: string;
  /** The user on whose behalf, if it was on one's. */
  readonly user?: string | undefined;
}

export interface ListOptions<T extends KubeObject = KubeObject> extends ReadOptions {
  /** Absent: all namespaces. */
  namespace?: string | undefined;
  /** Only objects whose controller owner reference has this uid (indexed). */
  owner?: string | undefined;
  where?: ((value: T) => boolean) | undefined;
  /** At most this many; the rest by `continue`. */
  limit?: number | undefined;
  /** Opaque, from a previous page: pins that page's revision. `Expired` when it is no longer kept. */
  continue?: string | undefined;
  /** The state at exactly this revision; `Expired` when it is no longer kept. */
  at?: number | undefined;
}

export interface ObjectList<T extends KubeObject = KubeObject> {
  /** Sorted by namespace, then name. */
  items: StoredObject<T>[];
  /** The revision the list is a snapshot of; a watch from it misses nothing. */
  revision: number;
  continue?: string | undefined;
  /** About how many follow this page, as upstream: changes since its revision may be counted. Absent with a predicate. */
  remaining?: number | undefined;
}

export type WatchEventType = 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';

export interface WatchEvent<T extends KubeObject = KubeObject> {
  type: WatchEventType;
  /** For a DELETED: the last matching state, at the revision of the deletion. Absent for a BOOKMARK. */
  object?: StoredObject<T>;
  /** Everything up to here has been delivered. */
  revision: number;
  /** Marks the BOOKMARK that ends the initial state. */
  initialEventsEnd?: boolean;
}

export interface WatchOptions<T extends KubeObject = KubeObject> {
  namespace?: string | undefined;
  name?: string | undefined;
  /** Objects that start or stop matching are seen as ADDED and DELETED. */
  where?: ((value: T) => boolean) | undefined;
  /** Events after this revision only. `Expired` (through `closed`) when it is no longer kept. Absent with `initial`. */
  since?: number | undefined;
  /** Send the present state as ADDED events first, ended by a BOOKMARK with `initialEventsEnd`. */
  initial?: boolean | undefined;
  /** Not older than this revision before the initial state is taken, as `ReadOptions.revision`. */
  revision?: number | undefined;
  /** Deliver a BOOKMARK about once a minute. */
  bookmarks?: boolean | undefined;
}

/** Receives a watch. Both are called synchronously by the store, in revision order; neither may throw or block. */
export interface WatchSink<T extends KubeObject = KubeObject> {
  event(event: WatchEvent<T>): void;
  /** Last call. With an error the watch ended by itself: `Expired` means list again. */
  closed(error?: Error): void;
}

export interface Watch {
  close(): void;
}

export interface Precondition {
  /** The object must be at this revision; else `Conflict`. */
  revision?: number | undefined;
  /** The object must have this uid; else `Conflict`. */
  uid?: string | undefined;
}

export interface DeleteOptions extends Precondition {
  /**
   * Seconds the object may take to end. Over 0: it is only marked (`deletionTimestamp`), and whoever runs it deletes it
   * with 0. Pods: see `podGracePeriodSeconds`. Default 0.
   */
  gracePeriodSeconds?: number | undefined;
  /** `Foreground` and `Orphan` add their finalizer for the garbage collector; default `Background`. */
  propagationPolicy?: 'Background' | 'Foreground' | 'Orphan' | undefined;
}

export type Write<T extends KubeObject = KubeObject> =
  | { verb: 'create'; resource: Resource<T>; object: T }
  | { verb: 'update'; resource: Resource<T>; object: T }
  | ({ verb: 'delete'; resource: Resource<T>; key: ObjectKey } & DeleteOptions);

/**
 * The object store as a plugin sees it. Every write returns once it is durable and this process's cache has seen it.
 * Throws `StatusError`: NotFound, AlreadyExists, Conflict, Expired, Forbidden (outside the plugin's grants), Timeout.
 *
 * The store keeps `metadata`'s system fields: it sets `uid` (unless the new object brings one, which must be its own: a Job's
 * selector names it), `creationTimestamp` and `resourceVersion`, raises
 * `generation` when anything but metadata and status changes, and removes an object marked for deletion when its last
 * finalizer goes. What it is asked to create is filled in and checked before, where a plugin admits writes: see `WriteAdmission`.
 */
export interface ObjectClient {
  get<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    options?: GetOptions,
  ): Promise<StoredObject<T> | undefined>;
  /**
   * The revisions of one object that are still kept, oldest first; linearizable. Of a deleted object only its last state,
   * for 10 minutes; empty when nothing is kept. The verb `get` grants it.
   */
  history<T extends KubeObject>(resource: Resource<T>, key: ObjectKey): Promise<PastRevision<T>[]>;
  list<T extends KubeObject>(resource: Resource<T>, options?: ListOptions<T>): Promise<ObjectList<T>>;
  watch<T extends KubeObject>(resource: Resource<T>, options: WatchOptions<T>, sink: WatchSink<T>): Watch;
  /** `metadata.name` or `metadata.generateName` must be set. */
  create<T extends KubeObject>(resource: Resource<T>, object: T): Promise<StoredObject<T>>;
  /** A `metadata.resourceVersion` in `object` is a precondition; without one the last write wins. */
  update<T extends KubeObject>(resource: Resource<T>, object: T): Promise<StoredObject<T>>;
  /**
   * Read, change, write, again on Conflict. `change` gets a copy to mutate; it may return `false` to leave the object as
   * it is. NotFound when there is none.
   */
  modify<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    change: (draft: T) => void | boolean,
  ): Promise<StoredObject<T>>;
  /** The object as it was removed or, marked, as it stays. */
  delete<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    options?: DeleteOptions,
  ): Promise<StoredObject<T>>;
  /** All or nothing; each key at most once; at most 1,000 writes. */
  transact(writes: Write[]): Promise<StoredObject[]>;
  stats(): StoreStats;
  /** Whether objects can be written, by writing something that is none, and if not why. */
  health(): Promise<Health>;
  /** The same objects, for writes that this user asked for: `history` shows whose they were. Needs the grant `impersonate`. */
  onBehalfOf(user: string): ObjectClient;
}
