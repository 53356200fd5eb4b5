import type { Filter, SchedulingPlugin } from './framework.ts';
import type { NodeTable } from './nodes.ts';
import type { PodInfo } from './pod.ts';
import type { PodTerm } from './terms.ts';

/** Pods that a term is about, by the value of its topology label. */
export function countByDomain(nodes: NodeTable, term: PodTerm): Map<string, number> {
  const counts = new Map<string, number>();
  nodes.eachPod((other, row) => {
    const domain = nodes.labels[row]![term.topologyKey];
    if (domain !== undefined && term.matches(other.pod)) counts.set(domain, (counts.get(domain) ?? 0) + 1);
  });
  return counts;
}

type Domains = readonly { topologyKey: string; counts: ReadonlyMap<string, number> }[];

function domainsOf(nodes: NodeTable, terms: readonly PodTerm[]): Domains {
  return terms.map((term) => ({ topologyKey: term.topologyKey, counts: countByDomain(nodes, term) }));
}

/** Source: kube-scheduler's plugin InterPodAffinity. */
export const interPodAffinity: SchedulingPlugin = {
  name: 'InterPodAffinity',
  filter(pod, nodes) {
    const { affinity, antiAffinity } = pod.terms;
    const guarded = guardedDomains(pod, nodes);
    if (affinity.length + antiAffinity.length + guarded.size === 0) return undefined;
    const near = domainsOf(nodes, affinity);
    const far = domainsOf(nodes, antiAffinity);
    // The first of a group of pods that want to be together has nobody to be with yet.
    const alone = near.every(({ counts }) => counts.size === 0);
    const first = alone && affinity.every((term) => term.matches(pod.pod));
    const isNear = (row: number): boolean =>
      near.every(({ topologyKey, counts }) => {
        const domain = nodes.labels[row]![topologyKey];
        return domain !== undefined && (first || counts.has(domain));
      });
    const isFar = (row: number): boolean =>
      far.every(({ topologyKey, counts }) => !has(counts, nodes.labels[row]![topologyKey]));
    const isUnguarded = (row: number): boolean => {
      for (const [key, domains] of guarded) if (has(domains, nodes.labels[row]![key])) return false;
      return true;
    };
    return {
      fits: (row) => isNear(row) && isFar(row) && isUnguarded(row),
      reasons(row) {
        if (!isNear(row)) return ["node(s) didn't match pod affinity rules"];
        if (!isFar(row)) return ["node(s) didn't match pod anti-affinity rules"];
        return ["node(s) didn't satisfy existing pods anti-affinity rules"];
      },
    } satisfies Filter;
  },
  score(pod, nodes) {
    const { preferred } = pod.terms;
    if (preferred.length === 0) return undefined;
    const domains = domainsOf(nodes, preferred);
    return {
      weight: 2,
      scale: 'range',
      score(row) {
        let sum = 0;
        for (let index = 0; index < preferred.length; index++) {
          const { topologyKey, counts } = domains[index]!;
          const domain = nodes.labels[row]![topologyKey];
          if (domain !== undefined) sum += preferred[index]!.weight * (counts.get(domain) ?? 0);
        }
        return sum;
      },
    };
  },
};

/** A node without the label is in no domain. */
function has(domains: { has(domain: string): boolean }, domain: string | undefined): boolean {
  return domain !== undefined && domains.has(domain);
}

/** Where pods already placed do not want this one: topology key to values. */
function guardedDomains(pod: PodInfo, nodes: NodeTable): Map<string, Set<string>> {
  const guarded = new Map<string, Set<string>>();
  nodes.eachGuard((other, row) => {
    for (const term of other.terms.antiAffinity) {
      const domain = nodes.labels[row]![term.topologyKey];
      if (domain === undefined || !term.matches(pod.pod)) continue;
      const domains = guarded.get(term.topologyKey) ?? new Set();
      guarded.set(term.topologyKey, domains.add(domain));
    }
  });
  return guarded;
}
