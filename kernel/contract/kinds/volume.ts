import type { Pod, Volume } from '../model/kubernetes.ts';
import { services } from '../plugin.ts';

/** One volume of one pod. */
export interface VolumeRequest {
  pod: Pod;
  volume: Volume;
  /** A folder of this volume's own on the node; the driver may fill it, mount on it, or leave it. */
  dir: string;
}

/**
 * `volume.v1`: makes volumes available on a node. Provided under the name of the volume source it serves (`emptyDir`,
 * `configMap`, ...). Called by the node agent: `setUp` before a pod's first container, and again about every minute (idempotent:
 * refresh content), `tearDown` after its last container ended; one call at a time for a pod.
 */
export interface VolumeDriver {
  /**
   * The host path to mount. Throws `StatusError` (e.g. NotFound for a missing ConfigMap): the pod waits and the node agent
   * retries.
   */
  setUp(request: VolumeRequest): Promise<string>;
  tearDown(request: VolumeRequest): Promise<void>;
}

export const VolumeDrivers = services<VolumeDriver>('volume.v1');
