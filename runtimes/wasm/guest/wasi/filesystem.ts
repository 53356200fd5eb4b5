import { realpathSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Mount } from '../../messages.ts';
import { Descriptor, DirectoryEntryStream } from './fs-descriptor.ts';
import type { Root } from './fs-paths.ts';
import { IoError } from './io.ts';

/**
 * wasi:filesystem of one instance: each mount is a preopened folder. WASI opens folders only, so files that are mounted by themselves
 * (`subPath`) show up in a folder that holds nothing else.
 */
export function filesystem(mounts: readonly Mount[]): Record<string, object> {
  const preopens = roots(mounts).map(([path, root]): [Descriptor, string] => [
    Descriptor.preopen(root),
    path,
  ]);
  return {
    'wasi:filesystem/preopens': { getDirectories: () => preopens },
    'wasi:filesystem/types': {
      Descriptor,
      DirectoryEntryStream,
      filesystemErrorCode: (error: unknown) => (error instanceof IoError ? error.code : undefined),
    },
  };
}

function roots(mounts: readonly Mount[]): [path: string, root: Root][] {
  const folders: [string, Root][] = [];
  const files = new Map<string, { files: Map<string, string>; readOnly: boolean }>();
  for (const { hostPath, containerPath, readOnly } of mounts) {
    const real = realpathSync(hostPath);
    if (statSync(real).isDirectory()) {
      folders.push([containerPath, { hostPath: real, files: new Map(), readOnly }]);
      continue;
    }
    const parent = dirname(containerPath);
    const group = files.get(parent) ?? { files: new Map(), readOnly: true };
    group.files.set(basename(containerPath), real);
    group.readOnly &&= readOnly;
    files.set(parent, group);
  }
  return [
    ...folders,
    ...[...files].map(([path, group]): [string, Root] => [path, { hostPath: undefined, ...group }]),
  ];
}
