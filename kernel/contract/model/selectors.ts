import { StatusError } from '../errors.ts';
import type { LabelSelector } from './kubernetes.ts';

export type Labels = Readonly<Record<string, string>>;
export type LabelPredicate = (labels: Labels | undefined) => boolean;

/** A `metav1.LabelSelector` as a predicate. The empty selector matches everything; an absent one nothing. */
export function matchLabelSelector(selector: LabelSelector | undefined): LabelPredicate {
  if (!selector) return () => false;
  const equal = Object.entries(selector.matchLabels ?? {});
  const expressions = (selector.matchExpressions ?? []).map(({ key, operator, values }) =>
    requirement(key, operator, values ?? []),
  );
  return (labels = {}) =>
    equal.every(([key, value]) => labels[key] === value) && expressions.every((matches) => matches(labels));
}

/** A plain map selector, as of a Service. The empty one matches nothing here: a Service without selector selects no pods. */
export function matchLabels(selector: Labels | undefined): LabelPredicate {
  const equal = Object.entries(selector ?? {});
  return (labels = {}) => equal.length > 0 && equal.every(([key, value]) => labels[key] === value);
}

function requirement(key: string, operator: string, values: readonly string[]): (labels: Labels) => boolean {
  switch (operator) {
    case 'In':
      return (labels) => labels[key] !== undefined && values.includes(labels[key]);
    case 'NotIn':
      return (labels) => labels[key] === undefined || !values.includes(labels[key]);
    case 'Exists':
      return (labels) => labels[key] !== undefined;
    case 'DoesNotExist':
      return (labels) => labels[key] === undefined;
    case 'Gt':
      return (labels) => labels[key] !== undefined && Number(labels[key]) > Number(values[0]);
    case 'Lt':
      return (labels) => labels[key] !== undefined && Number(labels[key]) < Number(values[0]);
    default:
      throw new StatusError('BadRequest', `"${operator}" is not a valid label selector operator`);
  }
}

const TERM =
  /^\s*(?:(?<absent>!)\s*(?<absentKey>[^\s=!,()<>]+)|(?<setKey>[^\s=!,()<>]+)\s+(?<set>in|notin)\s*\((?<values>[^()]*)\)|(?<key>[^\s=!,()<>]+)\s*(?:(?<op>==|=|!=|>|<)\s*(?<value>[^\s=!,()<>]*))?)\s*(?:,|$)/;

/** The `labelSelector` query parameter: `a=b,c!=d,e in (f,g),!h,i`. Throws `BadRequest`. */
export function parseLabelSelector(text: string): LabelPredicate {
  const tests: ((labels: Labels) => boolean)[] = [];
  let rest = text.trim();
  while (rest !== '') {
    const match = TERM.exec(rest);
    if (!match) throw new StatusError('BadRequest', `unable to parse label selector "${text}" at "${rest}"`);
    tests.push(term(match.groups!));
    rest = rest.slice(match[0].length);
  }
  return (labels = {}) => tests.every((matches) => matches(labels));
}

function term(groups: Record<string, string | undefined>): (labels: Labels) => boolean {
  if (groups['absent']) return requirement(groups['absentKey']!, 'DoesNotExist', []);
  if (groups['set']) {
    const values = groups['values']!.split(',').map((value) => value.trim());
    return requirement(groups['setKey']!, groups['set'] === 'in' ? 'In' : 'NotIn', values);
  }
  const [key, value] = [groups['key']!, groups['value'] ?? ''];
  switch (groups['op']) {
    case undefined:
      return requirement(key, 'Exists', []);
    case '!=':
      return requirement(key, 'NotIn', [value]);
    case '>':
      return requirement(key, 'Gt', [value]);
    case '<':
      return requirement(key, 'Lt', [value]);
    default:
      return requirement(key, 'In', [value]);
  }
}
