import { headers, type MsgHdrs } from 'nats';
import { type Json, type Status, StatusError } from '../contract/index.ts';
import { LostError } from '../nats/link.ts';

/** Marks an answer whose body is a `Status`. */
const ERROR = 'Orlop-Error';

export const ERROR_HEADERS: MsgHdrs = headers();
ERROR_HEADERS.set(ERROR, '1');

export function encode(data: Json | undefined): string {
  return JSON.stringify(data ?? null);
}

export function decode<T>(data: Uint8Array): T {
  return JSON.parse(Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString()) as T;
}

/** The answer, or the `StatusError` it carries, thrown. */
export function open<T>(message: { data: Uint8Array; headers?: MsgHdrs }): T {
  if (message.headers?.has(ERROR)) throw StatusError.fromStatus(decode<Status>(message.data));
  return decode<T>(message.data);
}

/** Throws `BadRequest` for what is no subject: it would break the connection. */
export function checkSubject(subject: string): string {
  if (subject === '' || /[\s\0]|^\.|\.\.|\.$/.test(subject) || subject.length > 2048) {
    const text = `"${subject}" is not a NATS subject; escape its tokens with subjectToken`;
    throw new StatusError('BadRequest', text);
  }
  return subject;
}

/** What a lost request means to who made it. */
export function explain(error: unknown, subject: string, signal?: AbortSignal): Error {
  if (!(error instanceof LostError)) return error as Error;
  switch (error.why) {
    case 'no-responders':
      return new StatusError('ServiceUnavailable', `nobody serves ${subject}`);
    case 'timeout':
      return new StatusError('Timeout', `${subject} did not answer in time`);
    case 'aborted':
      return signal?.reason instanceof Error ? signal.reason : error;
    case 'disconnected': {
      const text = `the connection to NATS was cut; the request to ${subject} may or may not have been carried out`;
      return new StatusError('ServiceUnavailable', text);
    }
  }
}
