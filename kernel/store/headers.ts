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
