import type { Context, Resource, Status } from '../contract/index.ts';
import type { LogLevel } from '../log.ts';
import type { Connection } from '../nats/index.ts';
import type { Loaders, PluginEntry } from './declaration.ts';
import type { Timing } from './run.ts';
import type { PluginStatus } from './status.ts';

/** What a worker thread is started with. */
export interface ThreadData {
  worker: string;
  kernel: Context['kernel'];
  connection: Connection;
  /** The root folders, as the kernel's. */
  dataDir: string;
  cacheDir: string;
  plugins: PluginEntry[];
  loaders?: Loaders | undefined;
  /** What its plugins may touch; absent: everything. */
  resources?: Resource[];
  /** Instances each plugin has had, so that revisions go on. */
  revisions: Record<string, number>;
  timing: Timing;
}

export type ToThread =
  | { type: 'ping' }
  | { type: 'swap'; id: number; name: string; entry: PluginEntry }
  | { type: 'stop' };

export type FromThread =
  | { type: 'status'; plugins: PluginStatus[] }
  | { type: 'log'; level: LogLevel; message: string; fields?: Record<string, unknown> }
  | { type: 'pong' }
  /** Its plugins have started, or as a whole could not. */
  | { type: 'started'; error?: Status }
  | { type: 'swapped'; id: number; error?: Status };
