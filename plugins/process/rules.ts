import type { Resource, Write } from 'orlop/plugin';

/** Of which writes an admission is told. Source: `admissionregistration.k8s.io/v1` RuleWithOperations, without `*`'s subresources. */
export interface Rule {
  operations: readonly (Uppercase<Write['verb']> | '*')[];
  apiGroups: readonly string[];
  /** Default: all. */
  apiVersions?: readonly string[];
  /** Plurals. */
  resources: readonly string[];
  scope?: 'Cluster' | 'Namespaced' | '*';
}

const OPERATIONS = ['CREATE', 'UPDATE', 'DELETE', '*'];
const SCOPES = ['Cluster', 'Namespaced', '*'];
const KEYS = ['operations', 'apiGroups', 'apiVersions', 'resources', 'scope'];

export function isConcerned(
  { operations, apiGroups, apiVersions = ['*'], resources, scope = '*' }: Rule,
  verb: Write['verb'],
  { group, version, resource, namespaced }: Resource,
): boolean {
  return (
    has(operations, verb.toUpperCase()) &&
    has(apiGroups, group) &&
    has(apiVersions, version) &&
    has(resources, resource) &&
    (scope === '*' || (scope === 'Namespaced') === namespaced)
  );
}

function has(names: readonly string[], name: string): boolean {
  return names.includes(name) || names.includes('*');
}

/** Everything that is wrong with what a manifest gives as its rules. */
export function rulesProblems(given: unknown): string[] {
  if (!Array.isArray(given) || given.length === 0) return ['rules must be a list, of one at least'];
  return given.flatMap((rule: unknown, index) => {
    if (typeof rule !== 'object' || rule === null) return `rules[${index}] must be an object`;
    const { operations, apiGroups, apiVersions = ['*'], resources, scope = '*', ...unknown } = rule as Rule;
    const problems = Object.keys(unknown).map((key) => `unknown key ${key}; there are ${KEYS.join(', ')}`);
    for (const [key, names] of Object.entries({ operations, apiGroups, apiVersions, resources })) {
      const isList = Array.isArray(names) && names.length > 0;
      if (!isList || !names.every((name) => typeof name === 'string'))
        problems.push(`${key} must be a list of strings, of one at least`);
    }
    if (problems.length === 0 && !operations.every((each) => OPERATIONS.includes(each)))
      problems.push(`operations must be some of ${OPERATIONS.join(', ')}`);
    if (!SCOPES.includes(scope)) problems.push(`scope must be one of ${SCOPES.join(', ')}`);
    return problems.map((problem) => `rules[${index}]: ${problem}`);
  });
}
