import type { Mount } from '../../messages.ts';

class Unavailable {}
export function filesystem(_mounts: Mount[]): Record<string, object> {
  return {
    'wasi:filesystem/preopens': { getDirectories: () => [] },
    'wasi:filesystem/types': {
      Descriptor: Unavailable,
      DirectoryEntryStream: Unavailable,
      filesystemErrorCode: () => undefined,
    },
  };
}
