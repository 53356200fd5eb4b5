import { randomUUID } from 'node:crypto';
import { headers, nuid } from 'nats';
import { type Logger, StatusError } from '../contract/index.ts';
import type { Link } from '../nats/link.ts';
import {
  ask,
  askSubject,
  JetStreamError,
  NAME_IN_USE,
  NO_STREAM,
  NOT_CLUSTERED,
  readMessage,
} from './api.ts';
import type { StreamDesign } from './subjects.ts';

const EPOCH = 'orlop.epoch';
const SECOND = 1_000_000_000;
const ATTEMPT_MS = 10_000;

/** Seconds a deletion stays in the stream for those who were away. */
export const TOMBSTONE_TTL = 600;

export interface StreamState {
  /** Made with the stream: revisions of different epochs have nothing to do with each other. */
  epoch: string;
  lastRevision: number;
  /** Copies of the stream. */
  replicas: number;
}

interface StreamInfo {
  config: { metadata?: Record<string, string>; num_replicas: number };
  state: { last_seq: number };
}

/** A subject of the stream that is no object. */
export function markerOf(design: StreamDesign): string {
  return `${design.prefix}._`;
}

/** From the stream's leader: every write acknowledged before the call has at most `lastRevision`. */
export async function streamState(link: Link, design: StreamDesign): Promise<StreamState> {
  const { config, state } = await ask<StreamInfo>(link, `STREAM.INFO.${design.name}`);
  return {
    epoch: config.metadata?.[EPOCH] ?? '',
    lastRevision: state.last_seq,
    replicas: config.num_replicas,
  };
}

/** One message as a consumer saw it: no two have the same revision and time. */
export interface Seen {
  revision: number;
  /** When it was stored, in nanoseconds since 1970. */
  time: string;
}

/** Whether the stream gave the revision of this message to another one. One that is gone was pushed out by a newer one of its subject. */
export async function isReplaced(link: Link, design: StreamDesign, seen: Seen): Promise<boolean> {
  const message = await readMessage(link, design.name, { seq: seen.revision });
  return message !== undefined && nanoseconds(message.time) !== seen.time;
}

/** Of RFC 3339 with up to nine digits of a second, in UTC. */
function nanoseconds(time: string): string {
  const [seconds = '', fraction = ''] = time.replace('Z', '').split('.');
  return `${Date.parse(`${seconds}Z`) / 1000}${fraction.padEnd(9, '0')}`;
}

/** Appends what is no object; returns its revision. */
export async function mark(link: Link, design: StreamDesign): Promise<number> {
  return (await askSubject<{ seq: number }>(link, markerOf(design), '')).seq;
}

/**
 * Goes on after `revision` in a stream that is older than that, as after a restore: appends what is no object until none up to it can be
 * given out again. If its epoch is the `known` one it gets a new one, which tells everybody that what they know is of another time.
 */
export async function outgrow(
  link: Link,
  design: StreamDesign,
  { revision, known, log }: { revision: number; known: string; log: Logger },
): Promise<void> {
  const { lastRevision } = await streamState(link, design);
  log.warn(`${design.name} is older than when it was last seen, as after a restore: going on after that`, {
    lastRevision,
    seen: revision,
  });
  for (let last = lastRevision; last < revision; last = await mark(link, design))
    await markMany(link, design, Math.min(revision - last, 1_000));
  const { config } = await ask<StreamInfo>(link, `STREAM.INFO.${design.name}`);
  // Another process may have found so too.
  if (config.metadata?.[EPOCH] !== known) return;
  const metadata = { ...config.metadata, [EPOCH]: randomUUID() };
  await ask(link, `STREAM.UPDATE.${design.name}`, { ...config, metadata });
}

/** An atomic batch of at most 1,000 marks. Whether it arrived shows in the stream's state. */
async function markMany(link: Link, design: StreamDesign, count: number): Promise<void> {
  const subject = markerOf(design);
  const batch = nuid.next();
  for (let i = 1; i <= count; i++) {
    const place = headers();
    place.append('Nats-Batch-Id', batch);
    place.append('Nats-Batch-Sequence', String(i));
    if (i < count) link.connection.publish(subject, '', { headers: place });
    else {
      place.append('Nats-Batch-Commit', '1');
      await link
        .request(subject, '', { headers: place, timeout: ATTEMPT_MS })
        .catch(() => link.whenUp(ATTEMPT_MS));
    }
  }
}

/** Makes the stream, of which `first` is the first revision, when it is not there, and more copies of it when there are fewer. */
export async function ensureStream(
  link: Link,
  design: StreamDesign,
  replicas: 1 | 3,
  first = 1,
): Promise<void> {
  const last = await provideStream(link, configOf(design, first), replicas);
  // So that no revision is 0, which means "any" to clients.
  if (last === 0) await mark(link, design);
}

/** Makes the stream when it is not there, and more copies of it when there are fewer. Returns its last sequence. */
export async function provideStream(link: Link, config: { name: string }, replicas: 1 | 3): Promise<number> {
  const { name } = config;
  try {
    const { config: present, state } = await ask<StreamInfo>(link, `STREAM.INFO.${name}`);
    if (present.num_replicas < replicas)
      await keep(link, 'UPDATE', name, { ...present, num_replicas: replicas });
    return state.last_seq;
  } catch (error) {
    if (!(error instanceof JetStreamError) || error.errCode !== NO_STREAM) throw error;
  }
  try {
    await keep(link, 'CREATE', name, { ...config, num_replicas: replicas });
  } catch (error) {
    // Another kernel was first.
    if (!(error instanceof JetStreamError) || error.errCode !== NAME_IN_USE) throw error;
  }
  return 0;
}

async function keep(link: Link, verb: 'CREATE' | 'UPDATE', name: string, config: object): Promise<void> {
  try {
    await ask(link, `STREAM.${verb}.${name}`, config);
  } catch (error) {
    if (!(error instanceof JetStreamError) || error.errCode !== NOT_CLUSTERED) throw error;
    const text = `the NATS server stands alone, so that it cannot keep 3 copies of ${name}: use a JetStream cluster of three servers, or ask for 1`;
    throw new StatusError('ServiceUnavailable', text);
  }
}

function configOf(design: StreamDesign, first: number): { name: string } {
  return {
    name: design.name,
    subjects: [`${design.prefix}.>`],
    storage: 'file',
    retention: 'limits',
    discard: 'old',
    max_msgs_per_subject: design.history,
    first_seq: first,
    max_msgs: -1,
    max_bytes: -1,
    max_age: design.maxAge * SECOND,
    duplicate_window: design.maxAge > 0 ? Math.min(120, design.maxAge) * SECOND : 120 * SECOND,
    allow_direct: true,
    allow_msg_ttl: true,
    allow_atomic: true,
    allow_rollup_hdrs: true,
    // What ages away is told to the cache by a marker, as a deletion is by its tombstone.
    ...(design.maxAge > 0 && { subject_delete_marker_ttl: TOMBSTONE_TTL * SECOND }),
    metadata: { [EPOCH]: randomUUID() },
  } as { name: string };
}
