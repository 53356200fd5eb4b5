import type { Json, Logger } from 'orlop/plugin';
import type { JsonObject, Serve } from './messages.ts';

/** The plugin at the other end, however it is reached. */
export interface Peer {
  /** Throws a `StatusError` that names the plugin, or `UnknownMethod`. */
  call(method: string, params: JsonObject, ms?: number): Promise<Json>;
  /** False: too much is unread at the other end; nothing was sent. `always`: a last word that must not be lost. */
  notify(method: string, params: JsonObject, always?: boolean): boolean;
  /** Resolves when the other end is gone or out of order, not when it was told to end. */
  readonly failed: Promise<Error>;
  /** Asks it to end, and sees to it. Never rejects. */
  close(): Promise<void>;
}

export interface PeerOptions {
  /** Names the plugin and its revision in errors. */
  label: string;
  log: Logger;
  serve: Serve;
  limits: Limits;
}

export interface Limits {
  /** Bytes of one message. */
  message: number;
  /** Bytes that wait to be read by the other end before it is sent no more. */
  unread: number;
  /** Calls it has not answered. */
  calls: number;
  /** Requests of its own in work; of more it waits. */
  requests: number;
  /** Milliseconds a call may take. */
  call: number;
}

export const LIMITS: Limits = {
  message: 16 << 20,
  unread: 8 << 20,
  calls: 1_024,
  requests: 32,
  call: 10_000,
};
