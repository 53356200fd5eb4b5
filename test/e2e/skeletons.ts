/** What `orlop plugin new` writes, for tests of it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { skeletonKinds, writeSkeleton } from '../../plugins/cli/plugin/skeleton.ts';

export const quiet = (): void => {};

/** A temporary one, outside of Orlop's tree. */
export function folder(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'orlop-skeleton-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** One of each kind, by its kind. */
export function skeletons(at: string, kinds = skeletonKinds()): Map<string, string> {
  return new Map(
    kinds.map((kind) => {
      const path = join(at, `my-${kind.split('.')[0]}`);
      writeSkeleton(path, kind, 'javascript', quiet);
      return [kind, path];
    }),
  );
}
