import type { KubeObject, Resource, Watch, WatchOptions, WatchSink } from '../contract/index.ts';
import type { Entry } from './entry.ts';
import type { Shard } from './shard.ts';
import type { Table } from './table.ts';
import { Watcher } from './watcher.ts';

/** Begins a watch: waits until the cache is fresh enough, shows what it asks for, and stays attached to its table. */
export function startWatch<T extends KubeObject>(
  shard: Shard,
  resource: Resource<T>,
  options: WatchOptions<T>,
  sink: WatchSink<T>,
): Watch {
  const giveUp = new AbortController();
  let table: Table | undefined;
  const watcher = new Watcher<T>(options, sink, (self) => {
    giveUp.abort();
    table?.watchers.delete(self);
  });
  const attach = async (): Promise<void> => {
    shard.table(resource);
    const revision = options.initial ? options.revision : options.since;
    await shard.fresh(resource, { revision, signal: giveUp.signal });
    if (watcher.closed) return;
    table = shard.table(resource);
    const now = shard.cache.applied;
    if (options.initial) watcher.initial(present(table, options, now), now);
    else {
      const since = options.since ?? now;
      const missed = table.since(since);
      watcher.from(since);
      for (const entry of missed) watcher.event(entry);
    }
    if (!watcher.closed) table.watchers.add(watcher as unknown as Watcher);
  };
  attach().catch((error: Error) => watcher.close(error));
  return { close: () => watcher.close() };
}

function* present<T extends KubeObject>(
  table: Table,
  options: WatchOptions<T>,
  revision: number,
): Generator<Entry> {
  for (const key of [...table.keys(options.namespace, undefined)]) {
    const entry = table.at(key, revision);
    if (entry) yield entry;
  }
}
