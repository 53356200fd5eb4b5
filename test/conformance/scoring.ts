import {
  type NodeChanges,
  type PodToScore,
  type ScorePlugin,
  type ScoreRequest,
  scoreProblem,
} from 'orlop/plugin';
import type { Checks } from './checks.ts';

export interface ScoringFixture {
  /** One that has not been asked yet. */
  plugin: ScorePlugin;
  /** Labels some of the nodes get, for a plugin that goes by labels. */
  labels?: Record<string, string>;
}

/** Milliseconds for a batch as large as the scheduler's over 1,000 nodes: it gives 1,000, and here the machine may be busy. */
const PATIENCE = 10_000;

/** The suite every plugin of kind `scheduler-scoring.v1` passes. */
export async function scoringConformance(
  t: Checks,
  name: string,
  make: (t: Checks) => Promise<ScoringFixture>,
): Promise<void> {
  await t.test(`${name}: conformance to scheduler-scoring.v1`, async (t) => {
    const { plugin, labels = {} } = await make(t);
    const ask = async (nodes: NodeChanges, pods: PodToScore[], what: string) => {
      const request: ScoreRequest = { nodes, pods };
      const answer = await plugin.score(request);
      t.equal(scoreProblem(request, answer) ?? 'none', 'none', what);
      return answer;
    };
    const scores = async (nodes: NodeChanges, pods: PodToScore[], what: string): Promise<void> => {
      t.notOk('resync' in (await ask(nodes, pods, what)), 'with the table it was told of');
    };
    await ask(
      changes(7, 3, [1]),
      [pod('early')],
      'a change of what it does not know: it scores or asks for all',
    );
    await scores(changes(0, 0, []), [], 'no nodes and no pods');
    await scores(changes(0, 3, [0, 1, 2], labels), [], 'a table alone');
    await scores(changes(1, 3, []), [pod('a'), pod('b', { cpu: 500, memory: 1 << 28 })], 'two pods');
    await scores(changes(2, 3, [], {}, [1]), [pod('c')], 'after a node went');
    await scores(changes(3, 5, [1, 3, 4], labels), [pod('d')], 'after nodes came');
    const odd = changes(4, 5, [2]);
    odd.nodes.allocatable = { 'example.com/widget': [3] };
    await scores(odd, [pod('e', { 'example.com/widget': 1 })], 'a node without CPU and memory');
    await ask(changes(9, 5, [2]), [pod('f')], 'after messages were lost: it scores or asks for all');
    await scores(changes(0, 2, [0, 1]), [pod('g')], 'a new table');
    const many = Array.from({ length: 64 }, (_, index) => pod(`p-${index}`, { cpu: 100 + index }));
    const rows = Array.from({ length: 1_000 }, (_, index) => index);
    await scores(changes(0, 1_000, rows, labels), [], '1,000 nodes');
    const began = performance.now();
    await scores(changes(1, 1_000, []), many, '64 pods over 1,000 nodes');
    t.ok(performance.now() - began < PATIENCE, `within ${PATIENCE} ms`);
  });
}

function changes(
  sequence: number,
  size: number,
  row: number[],
  labels: Record<string, string> = {},
  removed: number[] = [],
): NodeChanges {
  const each = <T>(value: T): T[] => row.map(() => value);
  return {
    sequence,
    size,
    removed,
    nodes: {
      row,
      name: row.map((index) => `node-${index}`),
      labels: row.map((index) => ({
        'kubernetes.io/hostname': `node-${index}`,
        ...(index % 2 === 0 ? labels : {}),
      })),
      taints: each([]),
      unschedulable: each(false),
      allocatable: { cpu: each(4_000), memory: each(2 ** 33), pods: each(110) },
    },
    requested: {
      row,
      requested: { cpu: row.map((index) => (index % 5) * 1_000), memory: each(2 ** 30), pods: each(3) },
    },
  };
}

function pod(name: string, requests: Record<string, number> = {}): PodToScore {
  return {
    pod: {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'default', uid: name },
      spec: { containers: [{ name: 'main', image: 'i' }] },
    },
    requests: { ...requests, pods: 1 },
  };
}
