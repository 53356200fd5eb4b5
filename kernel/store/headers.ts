import type { Msg } from 'nats';

/** Headers of a stored message, beside NATS's own. */
export const HEADERS = {
  /** Identifies the attempt to write: how an unknown outcome is recognised. */
  write: 'Orlop-Write',
  /** Which plugin wrote. */
  writer: 'Orlop-Writer',
  /** On whose behalf, escaped as a subject's token. */
  user: 'Orlop-User',
  /** `delete` on a tombstone. */
  operation: 'Orlop-Operation',
  /** The encoding of the value and, after a slash, its key, when it is not plain JSON. */
  encoding: 'Orlop-Encoding',
  expected: 'Nats-Expected-Last-Subject-Sequence',
  ttl: 'Nats-TTL',
  /** `sub` removes what is older on the subject: the end of a tombstone must not bring the object back. */
  rollup: 'Nats-Rollup',
} as const;

/**
 * The headers of a delivered message as they came. The client's own view of them checks and copies each, which is a fifth of a load
 * (`bench restart`); where it keeps them is not in its types.
 */
export function headersOf(message: Msg): string {
  const { _rdata, _msg } = message as unknown as { _rdata: Uint8Array; _msg: { hdr: number } };
  return _msg.hdr > 0 ? Buffer.from(_rdata.buffer, _rdata.byteOffset, _msg.hdr).toString('latin1') : '';
}

/** The value of a header among those of a message. */
export function headerIn(headers: string, name: string): string | undefined {
  const at = headers.indexOf(`\r\n${name}:`);
  return at < 0 ? undefined : headers.slice(at + name.length + 3, headers.indexOf('\r\n', at + 2)).trim();
}
