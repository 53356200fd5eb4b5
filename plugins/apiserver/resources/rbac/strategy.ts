import type { ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, Subject } from 'orlop/plugin';
import { each, oneOf, requiredName, same } from '../checks.ts';
import { invalid, required, unsupported } from '../errors.ts';
import { dns1123Subdomain, pathSegment } from '../names.ts';
import { validateLabelSelector } from '../selectors.ts';
import type { FieldError, Strategy } from '../types.ts';

const GROUP = 'rbac.authorization.k8s.io';

/** Source of all: kubernetes `pkg/apis/rbac/validation/validation.go` and `pkg/apis/rbac/v1/defaults.go`. */
export const roleStrategy: Strategy<Role> = {
  validateName: pathSegment,
  validate: ({ rules }) => each(rules, 'rules', (rule, at) => validateRule(rule, at, true)),
};

export const clusterRoleStrategy: Strategy<ClusterRole> = {
  validateName: pathSegment,
  validate({ rules, aggregationRule }) {
    const errors = each(rules, 'rules', (rule, at) => validateRule(rule, at, false));
    if (!aggregationRule) return errors;
    const selectors = aggregationRule.clusterRoleSelectors ?? [];
    if (selectors.length === 0) {
      errors.push(
        required(
          'aggregationRule.clusterRoleSelectors',
          'at least one clusterRoleSelector required if aggregationRule is non-nil',
        ),
      );
    }
    return [
      ...errors,
      ...each(selectors, 'aggregationRule.clusterRoleSelectors', (selector, at) =>
        validateLabelSelector(selector, at),
      ),
    ];
  },
};

function validateRule(rule: PolicyRule, field: string, namespaced: boolean): FieldError[] {
  const { verbs = [], apiGroups = [], resources = [], nonResourceURLs = [] } = rule;
  const errors: FieldError[] = [];
  if (verbs.length === 0) errors.push(required(`${field}.verbs`, 'verbs must contain at least one value'));
  if (nonResourceURLs.length > 0) {
    const at = `${field}.nonResourceURLs`;
    if (namespaced) {
      errors.push(invalid(at, nonResourceURLs, 'namespaced rules cannot apply to non-resource URLs'));
    }
    if (apiGroups.length + resources.length + (rule.resourceNames ?? []).length > 0) {
      errors.push(
        invalid(at, nonResourceURLs, 'rules cannot apply to both regular resources and non-resource URLs'),
      );
    }
    return errors;
  }
  if (apiGroups.length === 0) {
    errors.push(required(`${field}.apiGroups`, 'resource rules must supply at least one api group'));
  }
  if (resources.length === 0) {
    errors.push(required(`${field}.resources`, 'resource rules must supply at least one resource'));
  }
  return errors;
}

function bindingStrategy<T extends RoleBinding | ClusterRoleBinding>(
  kinds: readonly string[],
  namespaced: boolean,
): Strategy<T> {
  return {
    validateName: pathSegment,
    default({ roleRef, subjects }) {
      if (roleRef) roleRef.apiGroup ||= GROUP;
      for (const subject of subjects ?? []) {
        if (subject.kind === 'User' || subject.kind === 'Group') subject.apiGroup ||= GROUP;
      }
    },
    validate: ({ roleRef, subjects }) => [
      ...(roleRef?.apiGroup === GROUP
        ? []
        : [unsupported('roleRef.apiGroup', roleRef?.apiGroup ?? '', [GROUP])]),
      ...(kinds.includes(roleRef?.kind ?? '')
        ? []
        : [unsupported('roleRef.kind', roleRef?.kind ?? '', kinds)]),
      ...requiredName(roleRef?.name, 'roleRef.name', pathSegment),
      ...each(subjects, 'subjects', (subject, at) => validateSubject(subject, at, namespaced)),
    ],
    validateUpdate: (next, old) =>
      same(next.roleRef, old.roleRef) ? [] : [invalid('roleRef', next.roleRef, 'cannot change roleRef')],
  };
}

export const roleBindingStrategy = bindingStrategy<RoleBinding>(['ClusterRole', 'Role'], true);
export const clusterRoleBindingStrategy = bindingStrategy<ClusterRoleBinding>(['ClusterRole'], false);

function validateSubject(subject: Subject, field: string, namespaced: boolean): FieldError[] {
  const { kind, name, namespace, apiGroup = '' } = subject;
  const errors = requiredName(name, `${field}.name`);
  if (kind === 'ServiceAccount') {
    if (name) errors.push(...requiredName(name, `${field}.name`, dns1123Subdomain));
    if (apiGroup !== '') errors.push(unsupported(`${field}.apiGroup`, apiGroup, ['']));
    if (!namespaced && !namespace) errors.push(required(`${field}.namespace`));
    return errors;
  }
  const wrong = oneOf(kind, `${field}.kind`, ['Group', 'ServiceAccount', 'User']);
  if (wrong.length > 0) return [...errors, ...wrong];
  if (apiGroup !== GROUP) errors.push(unsupported(`${field}.apiGroup`, apiGroup, [GROUP]));
  return errors;
}
