import { type KubeObject, type ObjectClient, Plugins, type Resource, referredBlobs } from 'orlop/plugin';

/** A field that may hold references to blobs, `blob:sha256-...`; anything below it counts. */
export interface Referrer {
  readonly resource: Resource;
  readonly path: readonly string[];
}

export const REFERRERS: readonly Referrer[] = [{ resource: Plugins as Resource, path: ['spec', 'module'] }];

/** The digests that objects refer to, all that were written before the call among them. */
export async function referred(
  objects: ObjectClient,
  referrers: readonly Referrer[] = REFERRERS,
): Promise<Set<string>> {
  const lists = await Promise.all(
    referrers.map(async ({ resource, path }) => {
      const { items } = await objects.list(resource);
      return items.flatMap(({ value }) => referredBlobs(JSON.stringify(at(value, path) ?? null)));
    }),
  );
  return new Set(lists.flat());
}

function at(object: KubeObject, path: readonly string[]): unknown {
  let value: unknown = object;
  for (const name of path) value = (value as Record<string, unknown> | null | undefined)?.[name];
  return value;
}
