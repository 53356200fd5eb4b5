/** Prefers nodes by a label: those that have it. */
export function module(name: string): string {
  return `// @ts-check
import { definePlugin, provide, ScorePlugins, ScoringTable } from 'orlop/plugin';

const LABEL = 'disktype';

/**
 * A score for each node from 0 to 100: 100 for one with the label that the pod names in its annotation of that name, or with any.
 * @param {readonly Record<string, string>[]} labels by row @param {string | undefined} wanted
 */
export function scores(labels, wanted) {
  return labels.map(({ [LABEL]: has }) => (has !== undefined && (wanted ?? has) === has ? 100 : 0));
}

/** @returns {import('orlop/plugin').ScorePlugin} */
function scorer() {
  const table = new ScoringTable();
  return {
    async score({ nodes, pods }) {
      if (!table.apply(nodes)) return { resync: true };
      const labels = Array.from({ length: table.size }, (_, row) => (table.names[row] && table.labels[row]) || {});
      return { scores: pods.map(({ pod }) => scores(labels, pod.metadata?.annotations?.[LABEL])) };
    },
  };
}

export default definePlugin({
  name: '${name}',
  kind: 'scheduler-scoring.v1',
  version: '0.1.0',
  description: 'Prefers nodes with the label ' + LABEL + '.',
  provides: [ScorePlugins],
  start: () => ({ provides: [provide(ScorePlugins, scorer(), '${name}')] }),
});
`;
}

export function test(): string {
  return `// @ts-check
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scores } from './index.mjs';

test('nodes with the label are preferred, and with the value that the pod wants', () => {
  assert.deepEqual(scores([{}, { disktype: 'ssd' }, { disktype: 'hdd' }], undefined), [0, 100, 100]);
  assert.deepEqual(scores([{}, { disktype: 'ssd' }, { disktype: 'hdd' }], 'ssd'), [0, 100, 0]);
});
`;
}
