import type { Readable } from 'node:stream';

export interface BlobInfo {
  /** `sha256-` and 64 hexadecimal digits: its address, and what its bytes are checked against. */
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
  /** When it was last put or kept. */
  readonly modified: Date;
  /** Changes with every put, keep and delete. */
  readonly revision: number;
}

/**
 * Bytes of any size, shared by the kernels of a cluster and addressed by their content: WASM modules, plugin bundles, backups. What refers
 * to a blob keeps it: the `blobcollector` deletes those that no object refers to. All throw `ServiceUnavailable` when NATS is away too long.
 */
export interface BlobClient {
  /**
   * Durable, and complete, when it resolves. The same bytes are stored once, however often they are put, and are as young as their last put.
   * When the source fails nothing is stored.
   */
  put(data: Uint8Array | AsyncIterable<Uint8Array>): Promise<BlobInfo>;
  /**
   * Throws `NotFound`. The stream is read as it is consumed; it is destroyed with an `InternalError`, before its last bytes, when they are not
   * those that were put. Who has begun to read one that is then deleted reads it to its end, up to the time of a `sweep`.
   */
  get(digest: string): Promise<Readable>;
  stat(digest: string): Promise<BlobInfo | undefined>;
  list(): Promise<BlobInfo[]>;
  /** Makes it as young as if it were put now, also one deleted that was not swept yet. False: it is not there, put it. */
  keep(digest: string): Promise<boolean>;
  /** Its bytes are freed by a later `sweep`. With `revision`, `Conflict` when it has another. Without, one that is not there is no error. */
  delete(digest: string, options?: { revision?: number }): Promise<void>;
  /** Frees what was deleted, and the remains of puts that died, more than `age` milliseconds ago. */
  sweep(age: number): Promise<void>;
}
