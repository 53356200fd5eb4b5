import { setTimeout as sleep } from 'node:timers/promises';
import type { MsgHdrs } from 'nats';
import { StatusError } from '../contract/index.ts';
import { type Link, LostError } from '../nats/link.ts';

/** How long a request is tried again while NATS is away, in milliseconds. */
const PATIENCE_MS = 20_000;
const ATTEMPT_MS = 5_000;

export const NO_STREAM = 10059;
export const NO_MESSAGE = 10037;
export const NAME_IN_USE = 10058;
/** Other servers of the cluster are not up yet. */
const NO_PEERS = 10005;
export const NOT_CLUSTERED = 10074;
/** The last message of the subject is not the expected one. */
export const CONFLICTS: readonly number[] = [10071, 10164];

/** What JetStream answers instead of a result: `ServiceUnavailable` to whom it reaches. */
export class JetStreamError extends StatusError {
  readonly errCode: number;

  constructor(errCode: number, description: string, subject: string) {
    const advice =
      errCode === NO_STREAM
        ? '. Restore the stream from a backup, or restart Orlop to begin with an empty one'
        : '';
    super('ServiceUnavailable', `NATS refuses ${subject}: ${description}${advice}`);
    this.errCode = errCode;
  }
}

/** One message as the stream's leader has it. */
export interface StoredMessage {
  seq: number;
  subject: string;
  /** See `headerIn`. */
  headers: string;
  data: Buffer;
  /** When it was stored: RFC 3339, in nanoseconds. */
  time: string;
}

/** Asks the JetStream API; see `askSubject`. */
export async function ask<T>(link: Link, operation: string, body: object = {}): Promise<T> {
  return await askSubject(link, `$JS.API.${operation}`, JSON.stringify(body));
}

/** Asks again for as long as NATS is away. Throws `JetStreamError`, or `ServiceUnavailable` at the end of patience. */
export async function askSubject<T>(
  link: Link,
  subject: string,
  body: string | Uint8Array,
  headers?: MsgHdrs,
): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  for (let pause = 10; ; pause = Math.min(pause * 2, 500)) {
    try {
      await link.whenUp(Math.max(1, deadline - performance.now()));
      const answer = await link.request(subject, body, { timeout: ATTEMPT_MS, headers });
      const { error, ...result } = answer.json<{
        error?: { code: number; err_code: number; description: string };
      }>();
      if (!error) return result as T;
      // 503: no leader yet.
      if (error.code !== 503 && error.err_code !== NO_PEERS)
        throw new JetStreamError(error.err_code, error.description, subject);
    } catch (error) {
      if (!(error instanceof LostError)) throw error;
    }
    if (link.closed || performance.now() > deadline) {
      const text = `NATS does not answer ${subject}; check that nats-server runs`;
      throw new StatusError('ServiceUnavailable', text);
    }
    await sleep(pause);
  }
}

/** A message from the stream's leader; `undefined` when there is none. */
export async function readMessage(
  link: Link,
  stream: string,
  which: { last_by_subj: string } | { seq: number; next_by_subj?: string },
): Promise<StoredMessage | undefined> {
  try {
    const { message } = await ask<{
      message: { seq: number; subject: string; hdrs?: string; data?: string; time: string };
    }>(link, `STREAM.MSG.GET.${stream}`, which);
    return {
      seq: message.seq,
      subject: message.subject,
      headers: Buffer.from(message.hdrs ?? '', 'base64').toString('latin1'),
      data: Buffer.from(message.data ?? '', 'base64'),
      time: message.time,
    };
  } catch (error) {
    if (error instanceof JetStreamError && error.errCode === NO_MESSAGE) return undefined;
    throw error;
  }
}

/** The last sequence there is of any of these subjects, which may hold wildcards; 0 for none. */
export async function lastOf(link: Link, stream: string, subjects: readonly string[]): Promise<number> {
  const found = subjects.map((subject) => readMessage(link, stream, { last_by_subj: subject }));
  return Math.max(...(await Promise.all(found)).map((message) => message?.seq ?? 0));
}
