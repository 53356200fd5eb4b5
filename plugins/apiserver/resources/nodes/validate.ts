import type { Lease, Node, RuntimeClass } from 'orlop/plugin';
import { each, named, nonNegative, oneOf, requiredName, same } from '../checks.ts';
import { duplicate, forbidden, invalid } from '../errors.ts';
import { IMMUTABLE } from '../metadata.ts';
import { dns1123Label, labelValue, qualifiedName } from '../names.ts';
import type { FieldError } from '../types.ts';

const EFFECTS = ['NoExecute', 'NoSchedule', 'PreferNoSchedule'];

/** Source: kubernetes `pkg/apis/core/validation/validation.go`, ValidateNode. */
export function validateNode({ spec }: Node): FieldError[] {
  const seen = new Set<string>();
  return each(spec?.taints, 'spec.taints', ({ key, value, effect }, at) => {
    const errors = [
      ...named(key ?? '', `${at}.key`, qualifiedName),
      ...named(value ?? '', `${at}.value`, labelValue),
      ...oneOf(effect, `${at}.effect`, EFFECTS),
    ];
    if (seen.has(`${key}:${effect}`)) errors.push(duplicate(at, { key, value, effect }));
    seen.add(`${key}:${effect}`);
    return errors;
  });
}

export function validateNodeUpdate({ spec }: Node, { spec: before }: Node): FieldError[] {
  const errors: FieldError[] = [];
  if (before?.podCIDR && !same(spec?.podCIDR, before.podCIDR)) {
    errors.push(forbidden('spec.podCIDR', 'node updates may not change podCIDR except from "" to valid'));
  }
  if (before?.providerID && !same(spec?.providerID, before.providerID)) {
    errors.push(
      forbidden('spec.providerID', 'node updates may not change providerID except from "" to valid'),
    );
  }
  return errors;
}

export function validateLease({ spec }: Lease): FieldError[] {
  const { leaseDurationSeconds, leaseTransitions } = spec ?? {};
  const errors = nonNegative(leaseTransitions, 'spec.leaseTransitions');
  if (leaseDurationSeconds !== undefined && leaseDurationSeconds <= 0) {
    errors.push(invalid('spec.leaseDurationSeconds', leaseDurationSeconds, 'must be greater than 0'));
  }
  return errors;
}

export function validateRuntimeClass({ handler }: RuntimeClass): FieldError[] {
  return requiredName(handler, 'handler', dns1123Label);
}

export function validateRuntimeClassUpdate(next: RuntimeClass, old: RuntimeClass): FieldError[] {
  return next.handler === old.handler ? [] : [invalid('handler', next.handler, IMMUTABLE)];
}
