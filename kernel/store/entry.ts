import { deepFreeze, type KubeObject, type ObjectKey, type StoredObject } from '../contract/index.ts';
import { type Room, withoutRevision, withRevision } from './bytes.ts';

/** The encoding of one stored value. */
export interface Codec {
  decode(raw: Uint8Array): Uint8Array;
  /** Whether a write would not use it any more. */
  isStale(): boolean;
}

/** One revision of one object in the cache: live, or the tombstone of a deletion with the last state. Its readers share it, and can change nothing of it. */
export class Entry<T extends KubeObject = KubeObject> implements StoredObject<T> {
  readonly key: Readonly<ObjectKey>;
  readonly revision: number;
  readonly deleted: boolean;
  readonly #codec: Codec | undefined;
  #previous: Entry | undefined;
  #encoded: boolean;
  #bytes: Uint8Array;
  #value: T | undefined;

  /** `raw` is the message as stored; it is copied. */
  constructor(
    key: ObjectKey,
    revision: number,
    raw: Uint8Array,
    deleted: boolean,
    codec?: Codec,
    room?: Room,
  ) {
    this.key = Object.freeze({ ...key });
    this.revision = revision;
    this.deleted = deleted;
    this.#codec = codec;
    this.#encoded = codec !== undefined;
    // What is encoded stays so until it is first read.
    this.#bytes = codec ? Uint8Array.from(raw) : withRevision(raw, revision, room);
    Object.freeze(this);
  }

  /** The revision before, while a watch or a list may still ask for it. */
  static previous(entry: Entry): Entry | undefined {
    return entry.#previous;
  }

  static follow(entry: Entry, previous: Entry | undefined): void {
    entry.#previous = previous;
  }

  get bytes(): Uint8Array {
    return new Uint8Array(this.#plain());
  }

  get byteLength(): number {
    return this.#plain().length;
  }

  copy(target: Uint8Array, offset: number): number {
    // Not a method of `target`, which may be a trap: memory is shared by objects that its owner may not read.
    Uint8Array.prototype.set.call(target, this.#plain(), offset);
    return offset + this.#plain().length;
  }

  get stale(): boolean {
    return this.#codec?.isStale() ?? false;
  }

  get value(): T {
    this.#value ??= deepFreeze(JSON.parse(this.#plain().toString()) as T);
    return this.#value;
  }

  /** Lets the parsed value go: it is parsed again from the bytes when it is asked for. */
  forget(): void {
    this.#value = undefined;
  }

  /** Bytes held. */
  get size(): number {
    return this.#bytes.length;
  }

  /** As it was stored, decoded: without `resourceVersion`. */
  get json(): Buffer {
    return withoutRevision(this.#plain(), this.revision);
  }

  /** The same state at another revision: what a watcher sees of an object that stopped matching. */
  at(revision: number): Entry<T> {
    return new Entry<T>(this.key, revision, this.json, true);
  }

  #plain(): Buffer {
    if (this.#encoded) {
      this.#bytes = withRevision(this.#codec!.decode(this.#bytes), this.revision);
      this.#encoded = false;
    }
    return this.#bytes as Buffer;
  }
}

// A reader has every object's `value` and `bytes` in its hands with it, and what is static with the class.
Reflect.deleteProperty(Entry.prototype, 'constructor');
Object.freeze(Entry.prototype);
