import type { LabelSelector } from 'orlop/plugin';
import { each, named } from './checks.ts';
import { forbidden, invalid, required } from './errors.ts';
import { validateLabels } from './metadata.ts';
import { labelValue, qualifiedName } from './names.ts';
import type { FieldError } from './types.ts';

/** Source: apimachinery `apis/meta/v1/validation`. */
export function validateLabelSelector(selector: LabelSelector, field: string): FieldError[] {
  return [
    ...validateLabels(selector.matchLabels, `${field}.matchLabels`),
    ...each(selector.matchExpressions, `${field}.matchExpressions`, ({ key, operator, values = [] }, at) => [
      ...operands(operator, values.length, at),
      ...named(key ?? '', `${at}.key`, qualifiedName),
      ...each(values, `${at}.values`, (value, valueAt) => named(value, valueAt, labelValue)),
    ]),
  ];
}

function operands(operator: string, count: number, at: string): FieldError[] {
  switch (operator) {
    case 'In':
    case 'NotIn':
      return count === 0
        ? [required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'")]
        : [];
    case 'Exists':
    case 'DoesNotExist':
      return count > 0
        ? [forbidden(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")]
        : [];
    default:
      return [invalid(`${at}.operator`, operator, 'not a valid selector operator')];
  }
}

export function isEmptySelector(selector: LabelSelector): boolean {
  return (
    Object.keys(selector.matchLabels ?? {}).length === 0 && (selector.matchExpressions ?? []).length === 0
  );
}
