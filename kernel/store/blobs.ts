import { headers, type NatsConnection, nuid } from 'nats';
import { type BlobClient, ContentStore, type MessageLog, StatusError } from '../contract/index.ts';
import { Link } from '../nats/link.ts';
import { ask, askSubject, CONFLICTS, JetStreamError, readMessage } from './api.ts';
import { provideStream } from './stream.ts';

const BUCKET = 'orlop-blobs';
const STREAM = `OBJ_${BUCKET}`;
const CONFIG = {
  name: STREAM,
  subjects: [`$O.${BUCKET}.C.>`, `$O.${BUCKET}.M.>`],
  storage: 'file',
  discard: 'new',
  allow_direct: true,
  allow_rollup_hdrs: true,
};

export interface Blobs extends BlobClient {
  /** Leaves the connection to its owner. */
  close(): void;
}

/**
 * Not by the client library's view of an object store: that one has everything that is being put, or is read faster than it is used, in memory.
 * The stream is made at the first use.
 */
export function openBlobs(connection: NatsConnection, replicas: 1 | 3 = 1): Blobs {
  const link = new Link(connection);
  let stream: Promise<unknown> | undefined;
  const ready = async (): Promise<void> => {
    stream ??= provideStream(link, CONFIG, replicas);
    await stream.catch((error: unknown) => {
      stream = undefined;
      throw error;
    });
  };
  const log: MessageLog = {
    async append(subject, data, last, replace) {
      await ready();
      const all = headers();
      // By which the server knows an append that is sent again.
      all.set('Nats-Msg-Id', nuid.next());
      all.set('Nats-Expected-Last-Subject-Sequence', String(last));
      if (replace) all.set('Nats-Rollup', 'sub');
      try {
        return (await askSubject<{ seq: number }>(link, subject, data, all)).seq;
      } catch (error) {
        if (!(error instanceof JetStreamError && CONFLICTS.includes(error.errCode))) throw error;
        throw new StatusError('Conflict', `another append to ${subject} was first`);
      }
    },
    async read(which) {
      await ready();
      return await readMessage(link, STREAM, which);
    },
    async count(filter) {
      await ready();
      const info = await ask<Info>(link, `STREAM.INFO.${STREAM}`, { subjects_filter: filter });
      return info.state.subjects ?? {};
    },
    async purge(filter, seq) {
      return (await ask<{ purged: number }>(link, `STREAM.PURGE.${STREAM}`, { filter, seq })).purged;
    },
  };
  return Object.assign(new ContentStore(log, BUCKET), { close: () => link.close() });
}

interface Info {
  state: { subjects?: Record<string, number> };
}
