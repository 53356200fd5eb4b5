import type { Pod, Taint } from '../model/kubernetes.ts';
import { services } from '../plugin.ts';

/** Whole units by resource: CPU in millicores, memory and ephemeral storage in bytes, `pods` and others as counted. */
export type ResourceUnits = Record<string, number>;

/** Nodes that are new or have changed, in columns: every array is as long as `row`. */
export interface NodeColumns {
  row: number[];
  name: string[];
  labels: Record<string, string>[];
  taints: Taint[][];
  unschedulable: boolean[];
  /** By resource, in the units of `ResourceUnits`. */
  allocatable: Record<string, number[]>;
}

/** What the pods on these nodes have requested, those included that are being bound. */
export interface RequestedColumns {
  row: number[];
  requested: Record<string, number[]>;
}

/**
 * What is new in the scheduler's table of nodes since the message before. A node is a row; rows of nodes that went are given out again, and
 * a row that is not mentioned is as it was.
 */
export interface NodeChanges {
  /** 0: a new table, forget the one before. n: on top of the message n - 1; who does not have that answers `{ resync: true }`. */
  sequence: number;
  /** Rows there are, those of no node included: the length of a vector of scores. */
  size: number;
  /** Rows whose node is gone. */
  removed: number[];
  nodes: NodeColumns;
  requested: RequestedColumns;
}

export interface PodToScore {
  /** Without status and managed fields. */
  pod: Pod;
  requests: ResourceUnits;
}

export interface ScoreRequest {
  nodes: NodeChanges;
  /** In the order they will be placed in, several at a time; none when only the table is being sent. */
  pods: PodToScore[];
}

/**
 * For each pod a score for each row, 0 (worst) to 100 (best), whatever for rows of no node; `null` for a pod it has nothing to say about.
 * Or that it lacks the table the changes are on top of: it is asked again with all of it.
 */
export type ScoreAnswer = { scores: readonly (readonly number[] | null)[] } | { resync: true };

/**
 * `scheduler-scoring.v1`: prefers nodes, as the score plugins of the scheduling framework do. The scheduler asks each of them about a batch of
 * pods, adds the scores times the plugin's weight to its own, and places the pods one by one: filters and built-in scores see the pods placed
 * before, these scores are of when the batch began. Called once at a time. Whoever fails, answers nonsense or takes too long is left out of
 * the batch, and of more with back-off, as an extender with `ignorable: true`.
 */
export interface ScorePlugin {
  score(request: ScoreRequest): Promise<ScoreAnswer>;
}

/** Provided under the plugin's own name, which its weight goes by. */
export const ScorePlugins = services<ScorePlugin>('scheduler-scoring.v1');

/** Why an answer is of no use, if so. */
export function scoreProblem({ nodes, pods }: ScoreRequest, answer: unknown): string | undefined {
  if (typeof answer !== 'object' || answer === null) return 'the answer is no object';
  if ('resync' in answer && answer.resync === true) {
    return nodes.sequence === 0 ? 'it asks for the whole table, which it has just been given' : undefined;
  }
  const scores = 'scores' in answer ? answer.scores : undefined;
  if (!Array.isArray(scores) || scores.length !== pods.length)
    return `scores must be a list of ${pods.length}, one for each pod`;
  for (const [index, vector] of (scores as unknown[]).entries()) {
    if (vector === null) continue;
    if (!Array.isArray(vector) || vector.length !== nodes.size)
      return `scores[${index}] must be null or a list of ${nodes.size}, one for each row`;
    const wrong = (vector as unknown[]).findIndex(
      (score) => typeof score !== 'number' || !(score >= 0 && score <= 100),
    );
    if (wrong >= 0)
      return `scores[${index}][${wrong}] is ${JSON.stringify(vector[wrong])}, not a number from 0 to 100`;
  }
  return undefined;
}
