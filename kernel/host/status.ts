import type { Handover, PluginPhase } from '../contract/index.ts';
import type { LoadedPlugin } from './declaration.ts';

/** One plugin as it runs in this kernel. */
export interface PluginStatus {
  readonly name: string;
  readonly kind: string;
  readonly version: string;
  readonly description: string;
  /** How many instances it has had. */
  readonly revision: number;
  readonly phase: PluginPhase;
  /** `inline`, `process`, or `worker/NAME`. */
  readonly isolation: string;
  /** Kinds, or `kind/name` for those of which there may be many. */
  readonly provides: readonly string[];
  readonly healthy: boolean;
  /** The kernel does not run without it. */
  readonly required: boolean;
  /** Why it waits, is skipped, failed or unhealthy. */
  readonly message?: string;
  /** Times it was started again after a failure. */
  readonly restarts?: number;
  /** The last failure, also when it runs again. */
  readonly lastError?: string;
}

/** What an instance leaves to its successor in another thread. */
export interface Passed {
  readonly inherited: Handover | undefined;
  /** What it serves on the bus: see `Serving`. */
  readonly held: readonly string[];
  readonly revision: number;
  /** Milliseconds the successor has. */
  readonly ms: number;
}

/** Starts a successor, of nobody if nothing ran; returns what that serves on the bus. Throws why it does not run. */
export type Enter = (passed: Passed | undefined) => Promise<readonly string[]>;

/** A plugin under the host's care, in this thread or in a worker. */
export interface Managed {
  readonly name: string;
  readonly plugin: LoadedPlugin;
  status(): PluginStatus;
  swap(next: LoadedPlugin): Promise<void>;
}
