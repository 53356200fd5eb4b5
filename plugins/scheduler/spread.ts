import type { SchedulingPlugin } from './framework.ts';
import { countByDomain } from './interpod.ts';
import type { NodeTable } from './nodes.ts';
import type { PodInfo } from './pod.ts';
import type { Spread } from './terms.ts';

const MISMATCH = "node(s) didn't match pod topology spread constraints";

/** Source: kube-scheduler's plugin PodTopologySpread, with nodeAffinityPolicy Honor and nodeTaintsPolicy Ignore, its defaults. */
export const podTopologySpread: SchedulingPlugin = {
  name: 'PodTopologySpread',
  filter(pod, nodes) {
    const required = pod.spreads.filter((each) => each.required);
    if (required.length === 0) return undefined;
    const prepared = required.map((each) => ({ ...prepare(pod, nodes, each), key: each.topologyKey }));
    return {
      fits: (row) =>
        prepared.every(({ key, counts, most }) => {
          const domain = nodes.labels[row]![key];
          return domain !== undefined && (counts.get(domain) ?? 0) <= most;
        }),
      reasons(row) {
        const missing = prepared.some(({ key }) => nodes.labels[row]![key] === undefined);
        return [missing ? `${MISMATCH} (missing required label)` : MISMATCH];
      },
    };
  },
  score(pod, nodes) {
    const wished = pod.spreads.filter((each) => !each.required);
    if (wished.length === 0) return undefined;
    const prepared = wished.map((each) => {
      const { counts } = prepare(pod, nodes, each);
      return { key: each.topologyKey, counts, worst: Math.max(0, ...counts.values()) + 1 };
    });
    return {
      weight: 2,
      scale: 'reverse',
      score(row) {
        let sum = 0;
        for (const { key, counts, worst } of prepared) {
          const domain = nodes.labels[row]![key];
          sum += domain === undefined ? worst : (counts.get(domain) ?? 0);
        }
        return sum;
      },
    };
  },
};

/** `most`: how many matching pods a domain may have so that one more keeps the skew. */
function prepare(
  pod: PodInfo,
  nodes: NodeTable,
  spread: Spread,
): { counts: Map<string, number>; most: number } {
  const counts = countByDomain(nodes, spread);
  const domains = new Set<string>();
  for (let row = 0; row < nodes.size; row++) {
    const domain = nodes.nodes[row] && nodes.labels[row]![spread.topologyKey];
    if (domain !== undefined && pod.matchesNode(nodes.labels[row]!, nodes.nodeName(row))) domains.add(domain);
  }
  let fewest = domains.size < spread.minDomains ? 0 : Number.POSITIVE_INFINITY;
  for (const domain of domains) fewest = Math.min(fewest, counts.get(domain) ?? 0);
  const self = spread.matches(pod.pod) ? 1 : 0;
  return { counts, most: spread.maxSkew + fewest - self };
}
