import { subjectToken } from '../bus.ts';

/** `kubelet`: a stream is an HTTP connection, on which the agent answers as kubelet does at its port. */
export type NodeCall = 'logs' | 'exec' | 'attach' | 'portforward' | 'stats' | 'kubelet';

/** The node agent's bus subjects: how the API server reaches a node, behind NAT too. Streams carry the bytes. */
export function nodeSubject(node: string, call: NodeCall): string {
  return `node.${subjectToken(node)}.${call}`;
}

/** A request of `stats` takes nothing and is answered with this. CPU is the mean of the window that ends at `timestamp`. */
export interface NodeStats extends Measured {
  usage: Usage;
  /** Pods of which every running container could be measured. */
  pods: PodStats[];
}

export interface PodStats extends Measured {
  namespace: string;
  name: string;
  uid: string;
  containers: { name: string; usage: Usage }[];
}

export interface Measured {
  /** RFC 3339 with milliseconds. */
  timestamp: string;
  /** Seconds. */
  window: number;
}

/** Named as in kubelet's `/stats/summary`. */
export interface Usage {
  usageNanoCores: number;
  usageCoreNanoSeconds: number;
  workingSetBytes: number;
}

/** Params of a `logs` stream; the stream is what `kubectl logs` prints. */
export interface LogsParams {
  namespace: string;
  pod: string;
  /** Refused with Conflict when the pod on the node is another. */
  uid?: string;
  container: string;
  follow: boolean;
  previous: boolean;
  timestamps: boolean;
  tailLines?: number;
  sinceSeconds?: number;
  sinceTime?: string;
  limitBytes?: number;
  /** Only this one; absent: both. */
  stream?: 'stdout' | 'stderr';
}

/** Params of an `attach` stream. The stream carries `Channel` frames both ways; the agent's last is the status. */
export interface AttachParams {
  namespace: string;
  pod: string;
  /** Refused with Conflict when the pod on the node is another. */
  uid?: string;
  container: string;
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  tty: boolean;
}

/** Params of an `exec` stream; for the rest as `AttachParams`. */
export interface ExecParams extends AttachParams {
  command: string[];
}

/** Params of a `portforward` stream: one connection to the pod, its bytes as they are. */
export interface PortForwardParams {
  namespace: string;
  pod: string;
  uid?: string;
  port: number;
}
