import type { KubeObject, ListOptions, ObjectList } from '../contract/index.ts';
import { decodeContinue, encodeContinue } from './continue.ts';
import type { Entry } from './entry.ts';
import type { Table } from './table.ts';

/** A page of a table at one revision; the cache must have that revision already. Throws `Expired`. */
export function page<T extends KubeObject>(
  table: Table,
  options: ListOptions<T>,
  present: number,
  epoch: string,
): ObjectList<T> {
  const position = options.continue ? decodeContinue(options.continue, epoch) : undefined;
  const revision = position?.revision ?? options.at ?? present;
  table.check(revision);
  const { namespace, owner, where, limit = 0 } = options;
  const after = position?.after;
  const keys =
    owner === undefined
      ? table.keys(namespace, after)
      : table.ownedBy(owner).filter((key) => isIn(key, namespace) && (after === undefined || key > after));
  const items: Entry<T>[] = [];
  let last = '';
  let more = false;
  for (const key of keys) {
    const entry = table.at(key, revision) as Entry<T> | undefined;
    if (!entry) continue;
    if (where && !where(entry.value)) continue;
    if (limit > 0 && items.length === limit) {
      more = true;
      break;
    }
    items.push(entry);
    last = key;
  }
  if (!more) return { items, revision };
  return {
    items,
    revision,
    continue: encodeContinue({ epoch, revision, after: last }),
    ...(!where && owner === undefined && { remaining: table.countAfter(namespace, last) }),
  };
}

function isIn(key: string, namespace: string | undefined): boolean {
  return namespace === undefined || key.startsWith(`${namespace}\0`);
}
