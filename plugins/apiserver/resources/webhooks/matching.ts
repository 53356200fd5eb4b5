import type { ValidatingAdmissionPolicy } from 'orlop/plugin';
import { each, optionalOneOf } from '../checks.ts';
import { invalid, required } from '../errors.ts';
import type { FieldError } from '../types.ts';

/** `RuleWithOperations` of admissionregistration.k8s.io/v1; the published types lack some of it. */
export interface Rule {
  operations?: string[];
  apiGroups?: string[];
  apiVersions?: string[];
  resources?: string[];
  scope?: string;
}

type Constraints = NonNullable<NonNullable<ValidatingAdmissionPolicy['spec']>['matchConstraints']>;

/** What a webhook and a policy look at by default: everything, under all its versions. In place. */
export function defaultMatching(
  matching: Pick<Constraints, 'matchPolicy' | 'namespaceSelector' | 'objectSelector'>,
  rules: readonly Rule[] | undefined,
): void {
  matching.matchPolicy ??= 'Equivalent';
  matching.namespaceSelector ??= {};
  matching.objectSelector ??= {};
  for (const rule of rules ?? []) rule.scope ??= '*';
}

const OPERATIONS = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];
const LISTS = ['operations', 'apiGroups', 'apiVersions', 'resources'] as const;

/** Source: kubernetes `pkg/apis/admissionregistration/validation/validation.go`, validateRuleWithOperations. */
export function validateRule(rule: Rule, field: string): FieldError[] {
  return [
    ...LISTS.flatMap((name) => {
      const values = rule[name] ?? [];
      if (values.length === 0) return [required(`${field}.${name}`)];
      return name !== 'resources' && values.length > 1 && values.includes('*')
        ? [invalid(`${field}.${name}`, values, "if '*' is present, must not specify other values")]
        : [];
    }),
    ...each(rule.operations, `${field}.operations`, (operation, at) =>
      optionalOneOf(operation, at, OPERATIONS),
    ),
    ...each(rule.apiVersions, `${field}.apiVersions`, (version, at) =>
      version === '' ? [required(at)] : [],
    ),
    ...optionalOneOf(rule.scope, `${field}.scope`, ['*', 'Cluster', 'Namespaced']),
  ];
}
