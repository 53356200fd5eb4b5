import { definePlugin, provide, ScorePlugins, ScoringTable } from 'orlop/plugin';

/** @import { ScorePlugin } from 'orlop/plugin' */

/** Of nodes; a pod's annotation of that name says which value it wants. */
const LABEL = 'disktype';

/**
 * A score for each node from 0 to 100: 100 for one that has the label with the value that is wanted, or with any.
 * @param {readonly Record<string, string>[]} labels by row @param {string | undefined} wanted
 */
export function scores(labels, wanted) {
  return labels.map(({ [LABEL]: has }) => (has !== undefined && (wanted ?? has) === has ? 100 : 0));
}

/** @returns {ScorePlugin} */
function scorer() {
  const table = new ScoringTable();
  return {
    async score({ nodes, pods }) {
      if (!table.apply(nodes)) return { resync: true };
      const labels = Array.from({ length: table.size }, (_, row) => table.labels[row] ?? {});
      return { scores: pods.map(({ pod }) => scores(labels, pod.metadata?.annotations?.[LABEL])) };
    },
  };
}

export default definePlugin({
  name: 'my-plugin',
  kind: 'scheduler-scoring.v1',
  version: '0.1.0',
  description: `Prefers nodes with the label ${LABEL}.`,
  provides: [ScorePlugins],
  start: () => ({ provides: [provide(ScorePlugins, scorer(), 'my-plugin')] }),
});
