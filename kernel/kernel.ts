import { join } from 'node:path';
import {
  type BlobClient,
  type BusClient,
  type Logger,
  nearestOf,
  type ServiceToken,
  StatusError,
} from './contract/index.ts';
import {
  type Crashes,
  type Follow,
  Host,
  type LoadedPlugin,
  type Loaders,
  loadPlugin,
  type PluginEntry,
  type PluginSource,
  type PluginStatus,
  type Timing,
} from './host/index.ts';
import { lineLogger } from './log.ts';
import type { NatsServer } from './nats/index.ts';
import { bindEncoding, openParts } from './parts.ts';
import type { ObjectStore } from './store/index.ts';
import { VERSION } from './version.ts';

export type { Crashes, PluginEntry, PluginSource, PluginStatus };

/**
 * Where a kernel keeps its state, for one process at a time:
 * ```
 * nats/        the embedded nats-server's: all objects
 * revisions.json  the last revisions seen: what is in nats/ may be older, when it was restored
 * plugins/X/   plugin X's own
 * ```
 */
export interface DataDir {
  readonly path: string;
  /** Names this kernel in the cluster: a DNS label, the same at every start. */
  readonly kernelId: string;
  /** Lets another process have the folder. */
  release(): void;
}

export interface KernelOptions {
  /** Everything that must outlive the process. Released with the kernel's end, also when it does not start. */
  dataDir: DataDir;
  /** What can be made again: plugins' caches. */
  cacheDir: string;
  plugins: readonly PluginSource[];
  /** Starts it, or sees that it is there; what it keeps is in the data folder. Stopped with the kernel. */
  nats(o: { dataDir: string; log: Logger }): Promise<NatsServer>;
  /** Of the process, e.g. `server`: where a `Plugin` object places plugins. Absent: all there are. */
  roles?: readonly string[];
  /** The node this process stands for, if any. */
  node?: string | undefined;
  /** Default: lines on standard error. */
  log?: Logger;
  /** Configuration by plugin name; wins over the entry's. */
  config?: Readonly<Record<string, object>>;
  timing?: Partial<Timing>;
  /** For modules that `import` does not take, e.g. manifests of plugins in other languages. */
  loaders?: Loaders | undefined;
  crashes?: Crashes;
  /** Absent: `Plugin` objects tell what runs, and nothing is made of what they ask for. */
  follow?: Follow | undefined;
}

export interface Kernel {
  /** A DNS label, the same at every start from this data folder. */
  readonly id: string;
  readonly objects: ObjectStore;
  readonly bus: BusClient;
  readonly blobs: BlobClient;
  /** The NATS server: embedded (then it has a pid) or external, and how to reach it. */
  readonly nats: NatsServer;
  /** A proxy that survives swaps. Throws `NotFound` when no running plugin of this thread provides it. */
  service<T>(token: ServiceToken<T, false>): T;
  plugins(): PluginStatus[];
  /** Replaces a running plugin. When it throws, the old one goes on. */
  swap(name: string, plugin: PluginSource): Promise<void>;
  /** Stops everything in order: plugins, store, NATS. Idempotent. */
  stop(): Promise<void>;
  /** Resolves with what this kernel cannot go on after: stop it and exit. */
  readonly failed: Promise<Error>;
}

/** Throws `StatusError`: what failed, and what to do. Nothing is left running then. */
export async function startKernel(o: KernelOptions): Promise<Kernel> {
  const log = o.log ?? lineLogger((line) => process.stderr.write(`${line}\n`));
  const { path, kernelId, release } = o.dataDir;
  const undo: (() => void | Promise<void>)[] = [release];
  /** A step that fails keeps none of the others: a nats-server would be left behind. */
  const unwind = async (): Promise<void> => {
    const failures: unknown[] = [];
    const failed = (error: unknown): unknown => failures.push(error);
    for (const step of undo.splice(0).reverse()) await Promise.resolve().then(step).catch(failed);
    if (failures.length > 0) throw failures[0];
  };
  try {
    const loading = loadAll(o.plugins, o.config ?? {}, o.loaders);
    // Reported below, where it is awaited; NATS may fail first.
    loading.catch(() => undefined);
    const nats = await o.nats({ dataDir: path, log });
    undo.push(() => nats.stop());
    const connection = await nats.connect(`orlop ${kernelId}`);
    undo.push(() => connection.close());
    const parts = await openParts({
      connection,
      log,
      writer: kernelId,
      replicas: nats.connection.replicas,
      highWater: join(path, 'revisions.json'),
      trouble: () => nats.trouble(),
    });
    undo.push(() => parts.close());
    nats.streamsMade();
    let fail: (error: Error) => void;
    const failed = new Promise<Error>((resolve) => {
      fail = resolve;
    });
    const host: Host = new Host({
      ...o,
      kernel: { id: kernelId, node: o.node, version: VERSION },
      objects: (writer) => parts.store.as(writer),
      bus: parts.bus,
      blobs: parts.blobs,
      log,
      plugins: await loading,
      dataDir: (plugin) => join(path, 'plugins', plugin),
      cacheDir: (plugin) => join(o.cacheDir, 'plugins', plugin),
      workers: { connection: nats.connection, dataDir: path, cacheDir: o.cacheDir, loaders: o.loaders },
      provided: bindEncoding(
        () => [parts.store],
        () => host,
      ),
      fatal: (error) => fail(error),
    });
    undo.push(() => host.stop());
    await host.start();
    let stopping: Promise<void> | undefined;
    return {
      id: kernelId,
      objects: parts.store,
      bus: parts.bus,
      blobs: parts.blobs,
      nats,
      service: (token) => host.service(token),
      plugins: () => host.plugins(),
      swap: (name, plugin) => host.swap(name, plugin),
      stop: () => (stopping ??= unwind()),
      failed,
    };
  } catch (error) {
    await unwind().catch((why: unknown) => log.warn('did not stop cleanly', { error: String(why) }));
    throw error;
  }
}

async function loadAll(
  sources: readonly PluginSource[],
  config: Readonly<Record<string, object>>,
  loaders: Loaders | undefined,
): Promise<LoadedPlugin[]> {
  const plugins = await Promise.all(sources.map((each) => loadPlugin(each, (name) => config[name], loaders)));
  const names = plugins.map(({ declaration }) => declaration.name);
  for (const name of Object.keys(config)) {
    if (names.includes(name)) continue;
    const nearest = nearestOf(name, names);
    const hint = nearest === undefined ? '' : `; did you mean "${nearest}"?`;
    throw new StatusError('Invalid', `there is configuration for "${name}", but no such plugin${hint}`);
  }
  return plugins;
}
