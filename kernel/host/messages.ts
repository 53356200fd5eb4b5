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
  /** Of Secrets, the first writes; none where they are not read. */
  encodings: PluginEntry[];
  loaders?: Loaders | undefined;
  /** What its plugins may touch; absent: everything. */
  resources?: Resource[] | undefined;
  /** Instances each plugin has had, so that revisions go on. */
  revisions: Record<string, number>;
  timing: Timing;
}

/** To the plugins of a running thread. `resources`: what this one may touch; absent: everything. */
export type Change =
  | { type: 'load' | 'swap'; name: string; entry: PluginEntry; resources?: Resource[] | undefined }
  | { type: 'unload'; name: string }
  /** The encodings of Secrets, of which the first writes. */
  | { type: 'encode'; entries: PluginEntry[] };

export type ToThread = { type: 'ping' } | { type: 'change'; id: number; change: Change } | { type: 'stop' };

export type FromThread =
  | { type: 'status'; plugins: PluginStatus[] }
  | { type: 'log'; level: LogLevel; message: string; fields?: Record<string, unknown> }
  /** `bytes`: of its heap and buffers. */
  | { type: 'pong'; bytes: number }
  /** Its plugins have started, or as a whole could not. */
  | { type: 'started'; error?: Status }
  | { type: 'changed'; id: number; error?: Status };
