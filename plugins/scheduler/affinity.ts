import { type Labels, matchLabelSelector, type NodeAffinity, type NodeSelectorTerm } from 'orlop/plugin';

export type NodePredicate = (labels: Labels, name: string) => boolean;

export interface PreferredNode {
  /** 1 to 100. */
  weight: number;
  matches: NodePredicate;
}

/** Every pair of the selector, and one of the required terms if there are any. */
export function nodeMatcher(selector: Labels, affinity: NodeAffinity | undefined): NodePredicate {
  const pairs = Object.entries(selector);
  const required = affinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  const terms = required?.map(termMatcher);
  return (labels, name) =>
    pairs.every(([key, value]) => labels[key] === value) &&
    (terms === undefined || terms.some((matches) => matches(labels, name)));
}

export function preferredNodes(affinity: NodeAffinity | undefined): PreferredNode[] {
  const preferred = affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  return preferred.map(({ weight, preference }) => ({ weight, matches: termMatcher(preference) }));
}

/** A term without expressions and fields matches no node, as upstream. */
function termMatcher({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm): NodePredicate {
  if (matchExpressions.length + matchFields.length === 0) return () => false;
  const labelsMatch = matchLabelSelector({ matchExpressions });
  const fieldsMatch = matchLabelSelector({ matchExpressions: matchFields });
  return (labels, name) => labelsMatch(labels) && fieldsMatch({ 'metadata.name': name });
}
