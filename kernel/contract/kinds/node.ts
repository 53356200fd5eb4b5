import { subjectToken } from '../bus.ts';

/** The node agent's bus subjects: how the API server reaches a node, behind NAT too. Streams carry the bytes. */
export function nodeSubject(node: string, call: 'logs' | 'exec' | 'portforward' | 'stats'): string {
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
