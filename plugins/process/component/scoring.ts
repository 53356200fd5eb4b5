import { type Json, type ResourceUnits, type ScoreRequest, ScoringTable } from 'orlop/plugin';
import type { Binding } from './transpile.ts';

/** The interface `scoring` of `plugins/scoring/wasm/scheduler-scoring.wit`, as jco presents it. */
interface Scoring {
  configure(config: string): void;
  score(pods: ScoredPod[]): Float32Array[];
}

interface ScoredPod {
  namespace: string;
  name: string;
  labels: [string, string][];
  annotations: [string, string][];
  priority: number;
  requests: [string, number][];
}

const PACKAGE = 'orlop:scheduler-scoring';

/** The world `score-plugin`: the table of nodes is kept here, and the component looks at what it needs of it. */
export function scoring(): Binding {
  const table = new ScoringTable();
  let component: Scoring | undefined;
  const column = (values: readonly (number | undefined)[]): Float64Array =>
    Float64Array.from({ length: table.size }, (_, row) => values[row] ?? 0);
  const has = (row: number): boolean => table.names[row] !== undefined;
  const nodes = {
    size: () => table.size,
    name: (row: number) => table.names[row],
    label: (row: number, key: string) => (has(row) ? table.labels[row]![key] : undefined),
    unschedulable: (row: number) => has(row) && table.unschedulable[row]!,
    allocatable: (resource: string) => column(table.allocatable(resource)),
    requested: (resource: string) => column(table.requested(resource)),
  };
  return {
    imports: { [`${PACKAGE}/nodes`]: nodes },
    start(exports, config) {
      component = exports.get(`${PACKAGE}/scoring`) as Scoring | undefined;
      if (!component)
        throw new Error(
          `the component does not export ${PACKAGE}/scoring, but ${[...exports.keys()].join(', ')}`,
        );
      told(() => component!.configure(JSON.stringify(config)));
    },
    methods: {
      score(params) {
        const { nodes: changes, pods } = params as unknown as ScoreRequest;
        if (!table.apply(changes)) return { resync: true };
        const vectors = told(() => component!.score(pods.map(scoredPod)));
        return {
          scores: vectors.map((vector) => (vector.length === 0 ? null : Array.from(vector, rounded))),
        };
      },
    },
  };
}

function scoredPod({
  pod,
  requests,
}: {
  pod: ScoreRequest['pods'][number]['pod'];
  requests: ResourceUnits;
}): ScoredPod {
  const { namespace = '', name = '', labels = {}, annotations = {} } = pod.metadata ?? {};
  return {
    namespace,
    name,
    labels: Object.entries(labels),
    annotations: Object.entries(annotations),
    priority: pod.spec?.priority ?? 0,
    requests: Object.entries(requests),
  };
}

/** To a hundredth: all the digits of a float would make the answer three times as long. */
function rounded(score: number): number {
  return Math.round(score * 100) / 100;
}

/** An `err` of the component is its reason; anything else that is thrown is a trap. */
function told<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    const { payload } = error as { payload?: Json };
    throw typeof payload === 'string' ? new Error(payload) : error;
  }
}
