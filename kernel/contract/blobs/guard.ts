import { setMaxListeners } from 'node:events';
import { addAbortSignal } from 'node:stream';
import type { BlobClient } from './client.ts';

/** The same blobs for one who may not do everything: `check` throws when what is needed is not granted. What is being read ends with `signal`. */
export function guardBlobs(
  blobs: BlobClient,
  check: (need: 'read' | 'write') => void,
  signal: AbortSignal,
): BlobClient {
  // Every stream that is read listens to it.
  setMaxListeners(0, signal);
  const guarded = (need: 'read' | 'write'): BlobClient => {
    check(need);
    return blobs;
  };
  return {
    get: async (digest) => addAbortSignal(signal, await guarded('read').get(digest)),
    stat: async (digest) => guarded('read').stat(digest),
    list: async () => guarded('read').list(),
    put: async (data) => guarded('write').put(data),
    keep: async (digest) => guarded('write').keep(digest),
    delete: async (digest, options) => guarded('write').delete(digest, options),
    sweep: async (age) => guarded('write').sweep(age),
  };
}
