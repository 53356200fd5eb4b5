import type { KubeObject } from '../model/object.ts';
import type { Resource } from '../objects.ts';
import { services } from '../plugin.ts';
import type { UserInfo } from './auth.ts';

/**
 * Of which requests an admission is asked; `*` is all. A resource is a plural, `pods`, or a subresource, `pods/status`; `pods/*` is both, and
 * `*` alone is every resource without its subresources. Source: `admissionregistration.k8s.io/v1` RuleWithOperations.
 */
export interface AdmissionRule {
  readonly operations: readonly ('CREATE' | 'UPDATE' | 'DELETE' | '*')[];
  readonly apiGroups: readonly string[];
  /** Default: all. */
  readonly apiVersions?: readonly string[];
  readonly resources: readonly string[];
  /** Default: both. */
  readonly scope?: 'Cluster' | 'Namespaced' | '*';
}

/** What somebody asks the API server to write. All of it is frozen. Source: `admission.k8s.io/v1` AdmissionRequest. */
export interface AdmissionRequest {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE';
  readonly resource: Resource;
  /** `''`: the object itself. */
  readonly subResource: string;
  /** Absent for cluster-scoped resources. */
  readonly namespace?: string;
  readonly name: string;
  /** Absent for a DELETE. */
  readonly object?: KubeObject;
  /** Absent for a CREATE. */
  readonly oldObject?: KubeObject;
  /** Of a plugin: the ServiceAccount of its name in `kube-system`. */
  readonly userInfo: UserInfo;
  /** Nothing will be stored: have no effect elsewhere either. */
  readonly dryRun: boolean;
}

/**
 * `admission.v1`: changes or refuses what clients and plugins write, in their way to the store. Each of many, by its plugin's name, in whose
 * order the API server asks them: first all to mutate, and when the outcome is valid all to validate. It gives each 10 s. While one is being
 * started again what its `rules` concern is refused. A refusal is a `StatusError`, for good: not for somebody to try again.
 */
export interface Admission {
  readonly rules: readonly AdmissionRule[];
  /** The object as it is to be: the given one, or another with the same kind, name, namespace, uid and revision. Not asked about a DELETE. */
  mutate?(request: AdmissionRequest): KubeObject | Promise<KubeObject>;
  validate?(request: AdmissionRequest): void | Promise<void>;
}

export const Admission = services<Admission>('admission.v1');

/** Whether one of the rules is about such a request. */
export function rulesConcern(
  rules: readonly AdmissionRule[],
  { operation, resource, subResource }: Pick<AdmissionRequest, 'operation' | 'resource' | 'subResource'>,
): boolean {
  const { group, version, resource: plural, namespaced } = resource;
  return rules.some(
    ({ operations, apiGroups, apiVersions = ['*'], resources, scope = '*' }) =>
      has(operations, operation) &&
      has(apiGroups, group) &&
      has(apiVersions, version) &&
      resources.some((each) => names(each, plural, subResource)) &&
      (scope === '*' || (scope === 'Namespaced') === namespaced),
  );
}

function has(all: readonly string[], one: string): boolean {
  return all.includes(one) || all.includes('*');
}

function names(pattern: string, plural: string, subResource: string): boolean {
  const [resource, part = ''] = pattern.split('/', 2);
  return (resource === '*' || resource === plural) && (part === subResource || part === '*');
}

const OPERATIONS = ['CREATE', 'UPDATE', 'DELETE', '*'];
const SCOPES = ['Cluster', 'Namespaced', '*'];
const KEYS = ['operations', 'apiGroups', 'apiVersions', 'resources', 'scope'];

/** Everything that is wrong with what is given as an admission's rules. */
export function rulesProblems(given: unknown): string[] {
  if (!Array.isArray(given) || given.length === 0) return ['rules must be a list, of one at least'];
  return given.flatMap((rule: unknown, index) => {
    if (typeof rule !== 'object' || rule === null) return `rules[${index}] must be an object`;
    const {
      operations,
      apiGroups,
      apiVersions = ['*'],
      resources,
      scope = '*',
      ...unknown
    } = rule as AdmissionRule;
    const problems = Object.keys(unknown).map((key) => `unknown key ${key}; there are ${KEYS.join(', ')}`);
    for (const [key, list] of Object.entries({ operations, apiGroups, apiVersions, resources })) {
      const isList = Array.isArray(list) && list.length > 0;
      if (!isList || !list.every((each) => typeof each === 'string'))
        problems.push(`${key} must be a list of strings, of one at least`);
    }
    if (problems.length === 0 && !operations.every((each) => OPERATIONS.includes(each)))
      problems.push(`operations must be some of ${OPERATIONS.join(', ')}`);
    if (!SCOPES.includes(scope)) problems.push(`scope must be one of ${SCOPES.join(', ')}`);
    return problems.map((problem) => `rules[${index}]: ${problem}`);
  });
}
