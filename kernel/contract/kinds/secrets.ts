import { service } from '../plugin.ts';

/**
 * `secrets.v1`: encodes the values of resources that ask for it (Secrets) before they leave the process for the store, and
 * decodes them below the cache's edge. Called by the kernel's store, synchronously, once per write and once per first read.
 */
export interface SecretsEncoding {
  /** Stored with each value, e.g. `aesgcm`; a value is decoded by the encoding that bears its name. `identity` is that of values stored as they are. */
  readonly encoding: string;
  /** Names the key that `encode` uses, without a slash; stored with each value. Those that bear another are written anew in the background. */
  readonly key?: string;
  /** `key` is the object's subject: bind it to the value, so that a value cannot be moved to another object. */
  encode(value: Uint8Array, key: string): Uint8Array;
  /** Throws `StatusError` InternalError when the value cannot be decoded: which object, and which key file is missing. */
  decode(value: Uint8Array, key: string): Uint8Array;
}

export const SecretsEncoding = service<SecretsEncoding>('secrets.v1');
