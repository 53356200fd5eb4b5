import { timestamp } from './object.ts';

interface AnyCondition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
  lastTransitionTime?: string;
}

export function findCondition<C extends AnyCondition>(
  conditions: readonly C[] | undefined,
  type: string,
): C | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/**
 * The conditions with `condition` set. `lastTransitionTime` changes only when the status does (API conventions, "Typical
 * status properties"); returns the same array when nothing changes.
 */
export function withCondition<C extends AnyCondition>(
  conditions: readonly C[] | undefined,
  condition: C,
): readonly C[] {
  const old = findCondition(conditions, condition.type);
  if (
    old &&
    old.status === condition.status &&
    old.reason === condition.reason &&
    old.message === condition.message
  ) {
    return conditions!;
  }
  const lastTransitionTime =
    old && old.status === condition.status
      ? old.lastTransitionTime
      : (condition.lastTransitionTime ?? timestamp());
  const next = { ...condition, lastTransitionTime } as C;
  return old ? conditions!.map((each) => (each === old ? next : each)) : [...(conditions ?? []), next];
}
