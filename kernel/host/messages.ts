import { asStatusError, type Context, type Resource, type Status } from '../contract/index.ts';
import type { LogLevel } from '../log.ts';
import type { Connection } from '../nats/index.ts';
import type { Loaders, PluginEntry } from './declaration.ts';
import type { Timing } from './run.ts';
import type { Passed, PluginStatus } from './status.ts';

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

/** `resources`: what it may touch; absent: everything. What is loaded waits until it is to `enter`. */
export interface Loading {
  type: 'load' | 'swap';
  name: string;
  entry: PluginEntry;
  resources?: Resource[] | undefined;
}

/** To the plugins of a running thread. */
export type Change =
  | Loading
  | { type: 'enter'; name: string; passed: Passed | undefined }
  /** Answered by `left` first. */
  | { type: 'leave'; name: string; version: string }
  | { type: 'unload'; name: string }
  /** The encodings of Secrets, of which the first writes. */
  | { type: 'encode'; entries: PluginEntry[] };

/** What came of it: what a plugin serves, or why not. */
export type Outcome = { serves: readonly string[] } | { error: Status };

export type ToThread =
  | { type: 'ping' }
  | { type: 'change'; id: number; change: Change }
  | { type: 'entered'; id: number; outcome: Outcome }
  | { type: 'stop' };

export type FromThread =
  | { type: 'status'; plugins: PluginStatus[] }
  | { type: 'log'; level: LogLevel; message: string; fields?: Record<string, unknown> }
  /** `bytes`: of its heap and buffers. */
  | { type: 'pong'; bytes: number }
  /** Its plugins have started, or as a whole could not. */
  | { type: 'started'; error?: Status }
  | { type: 'changed'; id: number; outcome: Outcome }
  /** Of a change to `leave`: its successor may enter elsewhere. */
  | { type: 'left'; id: number; passed: Passed | undefined };

export async function outcomeOf(work: () => Promise<readonly string[]>): Promise<Outcome> {
  try {
    return { serves: await work() };
  } catch (error) {
    return { error: asStatusError(error).toStatus() };
  }
}
