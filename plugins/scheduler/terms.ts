import {
  type LabelPredicate,
  type LabelSelector,
  type Labels,
  matchLabelSelector,
  type Pod,
  type PodSpec,
} from 'orlop/plugin';

type PodAffinity = NonNullable<NonNullable<PodSpec['affinity']>['podAffinity']>;
type AffinityTerm = NonNullable<PodAffinity['requiredDuringSchedulingIgnoredDuringExecution']>[number];
type SpreadConstraint = NonNullable<PodSpec['topologySpreadConstraints']>[number];

/** A pod (anti-)affinity term made ready: pods it is about, and the node label whose values are its domains. */
export interface PodTerm {
  topologyKey: string;
  matches(other: Pod): boolean;
}

export interface WeightedPodTerm extends PodTerm {
  /** Negative for anti-affinity. */
  weight: number;
}

export interface PodTerms {
  affinity: readonly PodTerm[];
  antiAffinity: readonly PodTerm[];
  preferred: readonly WeightedPodTerm[];
}

export interface Spread extends PodTerm {
  maxSkew: number;
  minDomains: number;
  /** DoNotSchedule; else ScheduleAnyway. */
  required: boolean;
}

export function podTerms(pod: Pod): PodTerms {
  const { podAffinity, podAntiAffinity } = pod.spec?.affinity ?? {};
  const required = (each: PodAffinity | undefined): PodTerm[] =>
    (each?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map((term) => podTerm(pod, term));
  const preferred = (each: PodAffinity | undefined, sign: 1 | -1): WeightedPodTerm[] =>
    (each?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(({ weight, podAffinityTerm }) => ({
      ...podTerm(pod, podAffinityTerm),
      weight: sign * weight,
    }));
  return {
    affinity: required(podAffinity),
    antiAffinity: required(podAntiAffinity),
    preferred: [...preferred(podAffinity, 1), ...preferred(podAntiAffinity, -1)],
  };
}

function podTerm(
  pod: Pod,
  { topologyKey, labelSelector, namespaces, namespaceSelector }: AffinityTerm,
): PodTerm {
  const everywhere = namespaceSelector !== undefined && isEmpty(namespaceSelector);
  const listed = new Set(namespaces?.length || namespaceSelector ? (namespaces ?? []) : [namespaceOf(pod)]);
  const selects = matchLabelSelector(labelSelector);
  return {
    topologyKey,
    matches: (other) => (everywhere || listed.has(namespaceOf(other))) && selects(other.metadata?.labels),
  };
}

export function spreads(pod: Pod): Spread[] {
  return (pod.spec?.topologySpreadConstraints ?? []).map((constraint) => {
    const selects = spreadSelector(constraint, pod.metadata?.labels ?? {});
    return {
      topologyKey: constraint.topologyKey,
      maxSkew: constraint.maxSkew,
      minDomains: constraint.minDomains ?? 1,
      required: constraint.whenUnsatisfiable !== 'ScheduleAnyway',
      // Pods on their way out no longer count.
      matches: (other) =>
        namespaceOf(other) === namespaceOf(pod) &&
        other.metadata?.deletionTimestamp === undefined &&
        selects(other.metadata?.labels),
    };
  });
}

function spreadSelector(
  { labelSelector, matchLabelKeys = [] }: SpreadConstraint,
  labels: Labels,
): LabelPredicate {
  const selects = matchLabelSelector(labelSelector);
  const keys = matchLabelKeys.filter((key) => labels[key] !== undefined);
  return (other) => selects(other) && keys.every((key) => other?.[key] === labels[key]);
}

function isEmpty(selector: LabelSelector): boolean {
  return Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions ?? []).length === 0;
}

function namespaceOf(pod: Pod): string {
  return pod.metadata?.namespace ?? '';
}
