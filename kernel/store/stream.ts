import { randomUUID } from 'node:crypto';
import { StatusError } from '../contract/index.ts';
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

export async function ensureStream(link: Link, design: StreamDesign, replicas: 1 | 3): Promise<void> {
  const last = await provideStream(link, configOf(design), replicas);
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
    throw new StatusError(
      'ServiceUnavailable',
      `the NATS server stands alone, so that it cannot keep 3 copies of ${name}: use a JetStream cluster of three servers, or ask for 1`,
    );
  }
}

function configOf(design: StreamDesign): { name: string } {
  return {
    name: design.name,
    subjects: [`${design.prefix}.>`],
    storage: 'file',
    retention: 'limits',
    discard: 'old',
    max_msgs_per_subject: design.history,
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
