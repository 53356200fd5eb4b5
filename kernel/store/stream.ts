import { randomUUID } from 'node:crypto';
import { StatusError } from '../contract/index.ts';
import type { Link } from '../nats/link.ts';
import { ask, askSubject, JetStreamError, NAME_IN_USE, NO_STREAM, NOT_CLUSTERED } from './api.ts';
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

/** Appends what is no object; returns its revision. */
export async function mark(link: Link, design: StreamDesign): Promise<number> {
  return (await askSubject<{ seq: number }>(link, markerOf(design), '')).seq;
}

/** Makes the stream when it is not there, and more copies of it when there are fewer. */
export async function ensureStream(link: Link, design: StreamDesign, replicas: 1 | 3): Promise<void> {
  try {
    const { config, state } = await ask<StreamInfo>(link, `STREAM.INFO.${design.name}`);
    if (config.num_replicas < replicas)
      await keep(link, 'UPDATE', design, { ...config, num_replicas: replicas });
    if (state.last_seq > 0) return;
  } catch (error) {
    if (!(error instanceof JetStreamError) || error.errCode !== NO_STREAM) throw error;
    await createStream(link, design, replicas);
  }
  // So that no revision is 0, which means "any" to clients.
  await mark(link, design);
}

async function keep(
  link: Link,
  verb: 'CREATE' | 'UPDATE',
  design: StreamDesign,
  config: object,
): Promise<void> {
  try {
    await ask(link, `STREAM.${verb}.${design.name}`, config);
  } catch (error) {
    if (!(error instanceof JetStreamError) || error.errCode !== NOT_CLUSTERED) throw error;
    throw new StatusError(
      'ServiceUnavailable',
      `the NATS server stands alone, so that it cannot keep 3 copies of ${design.name}: use a JetStream cluster of three servers, or ask for 1`,
    );
  }
}

async function createStream(link: Link, design: StreamDesign, replicas: 1 | 3): Promise<void> {
  const config = {
    name: design.name,
    subjects: [`${design.prefix}.>`],
    storage: 'file',
    retention: 'limits',
    discard: 'old',
    num_replicas: replicas,
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
  };
  try {
    await keep(link, 'CREATE', design, config);
  } catch (error) {
    // Another kernel was first.
    if (!(error instanceof JetStreamError) || error.errCode !== NAME_IN_USE) throw error;
  }
}
