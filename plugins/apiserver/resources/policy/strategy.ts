import type { PodDisruptionBudget, PriorityClass } from 'orlop/plugin';
import { amount, optionalOneOf, same } from '../checks.ts';
import { forbidden, invalid } from '../errors.ts';
import { validateLabelSelector } from '../selectors.ts';
import type { FieldError, Strategy } from '../types.ts';

/** Source: kubernetes `pkg/apis/policy/validation/validation.go`. */
export const disruptionBudgetStrategy: Strategy<PodDisruptionBudget> = {
  validate({ spec }) {
    const { minAvailable, maxUnavailable, selector, unhealthyPodEvictionPolicy } = spec ?? {};
    const errors: FieldError[] = [];
    if (minAvailable !== undefined && maxUnavailable !== undefined) {
      errors.push(invalid('spec', spec, 'minAvailable and maxUnavailable cannot be both set'));
    }
    return [
      ...errors,
      ...atMostAll(minAvailable, 'spec.minAvailable'),
      ...atMostAll(maxUnavailable, 'spec.maxUnavailable'),
      ...(selector ? validateLabelSelector(selector, 'spec.selector') : []),
      ...optionalOneOf(unhealthyPodEvictionPolicy, 'spec.unhealthyPodEvictionPolicy', [
        'AlwaysAllow',
        'IfHealthyBudget',
      ]),
    ];
  },
};

function atMostAll(value: number | string | undefined, field: string): FieldError[] {
  const errors = amount(value, field);
  if (errors.length === 0 && typeof value === 'string' && Number.parseInt(value, 10) > 100) {
    errors.push(invalid(field, value, 'must not be greater than 100%'));
  }
  return errors;
}

const HIGHEST = 1_000_000_000;
const SYSTEM = /^system-(?:cluster|node)-critical$/;

/** Source: kubernetes `pkg/apis/scheduling/validation/validation.go`. */
export const priorityClassStrategy: Strategy<PriorityClass> = {
  default(priority) {
    priority.preemptionPolicy ??= 'PreemptLowerPriority';
  },
  validate({ metadata, value = 0, preemptionPolicy }) {
    const name = metadata?.name ?? '';
    const errors = optionalOneOf(preemptionPolicy, 'preemptionPolicy', ['Never', 'PreemptLowerPriority']);
    if (SYSTEM.test(name)) return errors;
    if (name.startsWith('system-')) {
      errors.push(
        forbidden(
          'metadata.name',
          "priority class names with 'system-' prefix are reserved for system use only",
        ),
      );
    }
    if (value > HIGHEST) {
      errors.push(forbidden('value', `maximum allowed value of a user defined priority is ${HIGHEST}`));
    }
    return errors;
  },
  validateUpdate: (next, old) =>
    (['value', 'preemptionPolicy'] as const).flatMap((field) =>
      same(next[field], old[field]) ? [] : [forbidden(field, 'may not be changed in an update.')],
    ),
};
