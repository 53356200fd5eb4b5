import {
  isPodReady,
  type Pod,
  type PodDisruptionBudget,
  type PodDisruptionBudgetStatus,
  withCondition,
} from 'orlop/plugin';

/** How long an eviction counts though its pod has not begun to end. Source: disruption controller, DeletionTimeout. */
const DELETION_TIMEOUT_MS = 120_000;

/** What the controllers of a budget's pods want in all. */
export interface Scale {
  expected: number;
  /** Pods that no known controller keeps: nothing says how many there should be. */
  unmanaged: string[];
}

/** Whether the budget is a share of what controllers want, and so needs to know it. */
export function needsScale({ spec }: PodDisruptionBudget): boolean {
  return spec?.maxUnavailable !== undefined || typeof spec?.minAvailable === 'string';
}

/** The status of a budget whose selector matches these pods. Source: kubernetes `pkg/controller/disruption/disruption.go`. */
export function budgetStatus(
  budget: PodDisruptionBudget,
  pods: readonly Pod[],
  scale: Scale,
  now: number,
): PodDisruptionBudgetStatus {
  const { minAvailable, maxUnavailable } = budget.spec ?? {};
  const disruptedPods = stillExpected(budget.status?.disruptedPods ?? {}, pods, now);
  const expected = needsScale(budget) ? scale.expected : pods.length;
  const desired =
    maxUnavailable !== undefined
      ? Math.max(0, expected - share(maxUnavailable, expected))
      : minAvailable !== undefined
        ? share(minAvailable, expected)
        : 0;
  const healthy = pods.filter(
    (pod) =>
      pod.metadata?.deletionTimestamp === undefined &&
      !(pod.metadata!.name! in disruptedPods) &&
      isPodReady(pod),
  ).length;
  const allowed = expected <= 0 ? 0 : Math.max(0, healthy - desired);
  const generation = budget.metadata?.generation ?? 0;
  return {
    ...(Object.keys(disruptedPods).length > 0 ? { disruptedPods } : {}),
    currentHealthy: healthy,
    desiredHealthy: desired,
    expectedPods: expected,
    disruptionsAllowed: allowed,
    observedGeneration: generation,
    conditions: conditionsOf(budget, allowed, generation),
  };
}

function conditionsOf(budget: PodDisruptionBudget, allowed: number, generation: number) {
  const condition = {
    type: 'DisruptionAllowed',
    status: allowed > 0 ? 'True' : 'False',
    reason: allowed > 0 ? 'SufficientPods' : 'InsufficientPods',
    message: '',
    observedGeneration: generation,
    lastTransitionTime: '',
  };
  const { lastTransitionTime: _, ...rest } = condition;
  return [...withCondition(budget.status?.conditions, rest as typeof condition)];
}

/** Evictions that were allowed, of pods that have not begun to end yet. */
function stillExpected(
  disrupted: Readonly<Record<string, string>>,
  pods: readonly Pod[],
  now: number,
): Record<string, string> {
  const waiting = new Set(
    pods
      .filter(({ metadata }) => metadata?.deletionTimestamp === undefined)
      .map(({ metadata }) => metadata!.name),
  );
  return Object.fromEntries(
    Object.entries(disrupted).filter(
      ([name, at]) => waiting.has(name) && Date.parse(at) + DELETION_TIMEOUT_MS > now,
    ),
  );
}

/** When the status changes though nothing happens, milliseconds from now. */
export function nextExpiry(status: PodDisruptionBudgetStatus, now: number): number | undefined {
  const times = Object.values(status.disruptedPods ?? {}).map(
    (at) => Date.parse(at as string) + DELETION_TIMEOUT_MS,
  );
  return times.length === 0 ? undefined : Math.max(1, Math.min(...times) - now);
}

/** A number, or a percentage of `total`, rounded up. */
function share(value: number | string, total: number): number {
  return typeof value === 'number' ? value : Math.ceil((Number.parseInt(value, 10) * total) / 100);
}
