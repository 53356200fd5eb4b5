import { type Bus, openBus } from './bus/index.ts';
import { type Logger, type Resource, Secrets, SecretsEncoding } from './contract/index.ts';
import type { Host } from './host/index.ts';
import type { NatsServer } from './nats/index.ts';
import { type Blobs, type ObjectStore, openBlobs, openStore } from './store/index.ts';

/** What a kernel is made of, on one NATS connection: the whole one of a process, or the smaller one of a worker thread. */
export interface Parts {
  readonly store: ObjectStore;
  readonly bus: Bus;
  readonly blobs: Blobs;
  /** Leaves the connection to its owner. */
  close(): Promise<void>;
}

export async function openParts(o: {
  connection: Awaited<ReturnType<NatsServer['connect']>>;
  log: Logger;
  writer: string;
  /** Copies of each stream there should be. */
  replicas?: 1 | 3 | undefined;
  /** Absent: all resources. */
  resources?: Resource[];
  /** See `StoreOptions`. */
  trouble?: () => string | undefined;
}): Promise<Parts> {
  const { connection, log, writer, replicas, resources, trouble } = o;
  const encoded = resources?.every((each) => each.resource !== Secrets.resource) ? [] : [Secrets];
  const store = await openStore({
    connection,
    log,
    writer,
    replicas,
    encoded,
    trouble,
    ...(resources ? { resources } : {}),
  });
  const bus = openBus({ connection, log });
  const blobs = openBlobs(connection, replicas);
  return {
    store,
    bus,
    blobs,
    async close() {
      blobs.close();
      await bus.close();
      await store.close();
    },
  };
}

/** The host's `provided` hook that gives the store the encoding of Secrets as soon as its plugin runs, and after each swap of it. */
export function bindEncoding(store: ObjectStore, host: () => Host): (kind: string) => void {
  return (kind) => {
    if (kind !== SecretsEncoding.kind) return;
    const encoding = host().direct(SecretsEncoding);
    if (encoding) store.setEncoding(encoding);
  };
}
