import { type Bus, openBus } from './bus/index.ts';
import { Secrets, SecretsEncoding } from './contract/index.ts';
import type { Host } from './host/index.ts';
import { type Blobs, type ObjectStore, openBlobs, openStore, type StoreOptions } from './store/index.ts';

/** What a kernel is made of, on one NATS connection: the whole one of a process, or the smaller one of a worker thread. */
export interface Parts {
  readonly store: ObjectStore;
  readonly bus: Bus;
  readonly blobs: Blobs;
  /** Leaves the connection to its owner. */
  close(): Promise<void>;
}

export async function openParts(o: Omit<StoreOptions, 'encoded'>): Promise<Parts> {
  const store = await openStore({ ...o, encoded: [Secrets] });
  const bus = openBus(o);
  const blobs = openBlobs(o.connection, o.replicas);
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

/** The host's `provided` hook that gives stores the encoding of Secrets as soon as its plugin runs, and after each swap of it. */
export function bindEncoding(stores: () => readonly ObjectStore[], host: () => Host): (kind: string) => void {
  return (kind) => {
    if (kind !== SecretsEncoding.kind) return;
    const encodings = host().encodings();
    if (encodings.length > 0) for (const store of stores()) store.setEncodings(encodings);
  };
}
