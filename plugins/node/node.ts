import type { EventRecorder, Logger, ObjectClient, PodNetwork, Runtime, VolumeDriver } from 'orlop/plugin';
import type { BackoffLimits } from './backoff.ts';
import type { Config } from './config.ts';
import type { Amounts } from './resource-fields.ts';

/** What the parts of one node agent share. */
export interface NodeContext {
  readonly name: string;
  readonly config: Config;
  readonly objects: ObjectClient;
  readonly runtimes: ReadonlyMap<string, Runtime>;
  readonly volumes: ReadonlyMap<string, VolumeDriver>;
  readonly network: PodNetwork;
  readonly events: EventRecorder;
  readonly log: Logger;
  /** Pods' volumes live in `pods/UID/volumes/DRIVER/NAME` of it. */
  readonly dataDir: string;
  /** Aborted when this agent is to act no more. */
  readonly signal: AbortSignal;
  readonly crashLoop: BackoffLimits;
  readonly allocatable: Amounts;
}
