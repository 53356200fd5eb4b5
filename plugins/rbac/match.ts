import type { AccessAttributes, PolicyRule } from 'orlop/plugin';

/** Whether a rule allows it. Source: kubernetes `plugin/pkg/auth/authorizer/rbac/rbac.go` and `pkg/apis/rbac/v1/evaluation_helpers.go`. */
export function ruleAllows(rule: PolicyRule, asked: AccessAttributes): boolean {
  if (!has(rule.verbs, asked.verb)) return false;
  if (asked.path !== undefined) return urlMatches(rule.nonResourceURLs, asked.path);
  return (
    has(rule.apiGroups, asked.group ?? '') &&
    resourceMatches(rule.resources, asked) &&
    nameMatches(rule, asked)
  );
}

function has(list: readonly string[] | undefined, value: string): boolean {
  return list !== undefined && (list.includes('*') || list.includes(value));
}

// `pods` is not `pods/log`; `*` is every resource and subresource, `*/log` is that of every resource.
function resourceMatches(
  list: readonly string[] = [],
  { resource = '', subresource }: AccessAttributes,
): boolean {
  if (!subresource) return has(list, resource);
  return has(list, `${resource}/${subresource}`) || list.includes(`*/${subresource}`);
}

/** Who may do it by name only may not do it without one: no list, no create. */
function nameMatches({ resourceNames = [] }: PolicyRule, { name }: AccessAttributes): boolean {
  return resourceNames.length === 0 || (name !== undefined && resourceNames.includes(name));
}

function urlMatches(list: readonly string[] = [], path: string): boolean {
  return list.some(
    (url) => url === '*' || url === path || (url.endsWith('*') && path.startsWith(url.replace(/\*+$/, ''))),
  );
}
