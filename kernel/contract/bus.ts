import type { Duplex } from 'node:stream';

/** JSON-safe data; what crosses the bus in `publish` and `request`. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json | undefined };

export interface Subscription {
  /** Nothing new comes from now on; the handler is still called with what is on its way. */
  close(): void;
}

export interface RequestOptions {
  /** Milliseconds until `Timeout`. Default 5,000. */
  timeout?: number;
  signal?: AbortSignal;
}

/**
 * The event bus. Subjects are NATS subjects: dot-separated tokens, `*` and `>` as wildcards for subscribers. `subjectToken` makes
 * any string safe to use as one token. An error thrown by a handler reaches the requester as the same `StatusError`.
 */
export interface BusClient {
  publish(subject: string, data: Json): void;
  /** With a `queue` each message goes to one member of the group. */
  subscribe(
    subject: string,
    handler: (data: Json, subject: string) => void,
    options?: { queue?: string },
  ): Subscription;
  /** Throws `ServiceUnavailable` at once when nobody serves the subject. */
  request<T = Json>(subject: string, data: Json, options?: RequestOptions): Promise<T>;
  /** To a plugin's `serve` of one subject, though its instances may be swapped, comes each request once; with a `queue` to one member of the group. */
  serve(
    subject: string,
    handler: (data: Json, subject: string) => Promise<Json> | Json,
    options?: { queue?: string },
  ): Subscription;
  /**
   * Opens a byte stream to whoever accepts `subject`: back-pressure, half-close (`end()`), and errors in both directions.
   * Rejects with the acceptor's `StatusError`, or `ServiceUnavailable` when there is none.
   */
  openStream(subject: string, params: Json, options?: RequestOptions): Promise<Duplex>;
  /** `handler` refuses by throwing before its first write; the stream is destroyed when its promise rejects. */
  acceptStreams(
    subject: string,
    handler: (params: Json, stream: Duplex, subject: string) => Promise<void> | void,
  ): Subscription;
}

const SAFE = /^[A-Za-z0-9_-]+$/;

/** Escapes a string into one subject token: every byte outside `[A-Za-z0-9_-]` becomes `=XX`; the empty string `=`. */
export function subjectToken(text: string): string {
  if (SAFE.test(text)) return text;
  if (text === '') return '=';
  let out = '';
  for (const byte of Buffer.from(text)) {
    const char = String.fromCharCode(byte);
    out += SAFE.test(char) ? char : `=${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return out;
}

/** The inverse of `subjectToken`. */
export function fromSubjectToken(token: string): string {
  if (token === '=') return '';
  if (!token.includes('=')) return token;
  return decodeURIComponent(token.replaceAll(/=([0-9A-F]{2})/g, '%$1'));
}
