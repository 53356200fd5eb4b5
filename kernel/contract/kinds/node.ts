import { subjectToken } from '../bus.ts';

export type NodeCall = 'logs' | 'exec' | 'attach' | 'portforward' | 'stats';

/** The node agent's bus subjects: how the API server reaches a node, behind NAT too. Streams carry the bytes. */
export function nodeSubject(node: string, call: NodeCall): string {
  return `node.${subjectToken(node)}.${call}`;
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
