import type { Json } from '../bus.ts';
import type { Condition } from './kubernetes.ts';
import type { KubeObject } from './object.ts';

export type PluginPhase = 'Pending' | 'Starting' | 'Running' | 'Swapping' | 'Skipped' | 'Failed' | 'Stopped';

/** `orlop.dev/v1` `Plugin`: one plugin of the cluster, as asked for and as it runs. Cluster-scoped. */
export interface PluginObject extends KubeObject {
  spec: {
    /** Path or npm package of the module; absent for a standard plugin. */
    module?: string;
    kind?: string;
    version?: string;
    config?: { [key: string]: Json };
    isolation?: string;
  };
  status?: {
    phase: PluginPhase;
    /** The `metadata.generation` whose spec has been acted on, with the outcome that the condition `Applied` and the phase tell. */
    observedGeneration?: number;
    version?: string;
    revision?: number;
    kind?: string;
    isolation?: string;
    provides?: string[];
    healthy?: boolean;
    /** Why it is skipped, failed or unhealthy. */
    message?: string;
    /** The kernels that run it. */
    kernels?: string[];
    conditions?: Condition[];
  };
}
