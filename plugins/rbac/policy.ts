import {
  type AccessAttributes,
  type AccessDecision,
  type AccessRules,
  type ClusterRole,
  type ClusterRoleBinding,
  keyOf,
  keyOfObject,
  type PolicyRule,
  type Role,
  type RoleBinding,
  type Subject,
  type UserInfo,
} from 'orlop/plugin';
import { ruleAllows } from './match.ts';

type AnyRole = Role | ClusterRole;
type AnyBinding = RoleBinding | ClusterRoleBinding;

/** One subject of one binding. */
interface Grant {
  readonly binding: AnyBinding;
  readonly subject: Subject;
}

const GROUP = 'rbac.authorization.k8s.io';

/**
 * All roles and bindings, and what they allow whom: a binding is found by its subject, so that a decision looks at none of others'. A
 * cluster-wide role or binding has no namespace. Source: kubernetes `pkg/registry/rbac/validation/rule.go`.
 */
export class Policy {
  readonly #roles = new Map<string, AnyRole>();
  /** By `place`, then the binding's key. */
  readonly #grants = new Map<string, Map<string, Grant>>();
  readonly #bindings = new Map<string, AnyBinding>();

  setRole(role: AnyRole): void {
    this.#roles.set(keyOfObject(role), role);
  }

  deleteRole(role: AnyRole): void {
    this.#roles.delete(keyOfObject(role));
  }

  setBinding(binding: AnyBinding): void {
    this.deleteBinding(binding);
    const key = keyOfObject(binding);
    this.#bindings.set(key, binding);
    for (const [at, subject] of subjectsOf(binding)) {
      const grants = this.#grants.get(at) ?? new Map<string, Grant>();
      this.#grants.set(at, grants.set(key, { binding, subject }));
    }
  }

  deleteBinding(binding: AnyBinding): void {
    const key = keyOfObject(binding);
    const known = this.#bindings.get(key);
    if (!known) return;
    this.#bindings.delete(key);
    for (const [at] of subjectsOf(known)) {
      const grants = this.#grants.get(at);
      grants?.delete(key);
      if (grants?.size === 0) this.#grants.delete(at);
    }
  }

  authorize(user: UserInfo, asked: AccessAttributes): AccessDecision {
    const missing: string[] = [];
    for (const grant of this.#grantsOf(user, asked.path === undefined ? asked.namespace : undefined)) {
      const rules = this.#rulesOf(grant, missing);
      if (rules.some((rule) => ruleAllows(rule, asked)))
        return { allowed: true, reason: `RBAC: allowed by ${described(grant)}` };
    }
    return { allowed: false, reason: missing.length > 0 ? `RBAC: ${aggregate(missing)}` : '' };
  }

  rules(user: UserInfo, namespace: string): AccessRules {
    const missing: string[] = [];
    const all = [...this.#grantsOf(user, namespace)].flatMap((grant) => this.#rulesOf(grant, missing));
    const isOfUrls = ({ nonResourceURLs = [] }: PolicyRule): boolean => nonResourceURLs.length > 0;
    return {
      resourceRules: all.filter((rule) => !isOfUrls(rule)),
      nonResourceRules: all.filter(isOfUrls),
      incomplete: missing.length > 0,
      ...(missing.length > 0 ? { evaluationError: aggregate(missing) } : {}),
    };
  }

  *#grantsOf({ username, groups }: UserInfo, namespace: string | undefined): Iterable<Grant> {
    const subjects = [userKey(username), ...groups.map(groupKey)];
    for (const scope of namespace ? ['', namespace] : ['']) {
      for (const subject of subjects) yield* this.#grants.get(place(scope, subject))?.values() ?? [];
    }
  }

  #rulesOf({ binding }: Grant, missing: string[]): readonly PolicyRule[] {
    const { kind, name } = binding.roleRef;
    const namespace = kind === 'Role' ? binding.metadata?.namespace : undefined;
    const role = this.#roles.get(keyOf({ namespace, name }));
    if (!role) missing.push(`${kind.toLowerCase()}.${GROUP} ${JSON.stringify(name)} not found`);
    return role?.rules ?? [];
  }
}

function userKey(name: string): string {
  return `user:${name}`;
}

function groupKey(name: string): string {
  return `group:${name}`;
}

/** Namespaces have no slash in their names. */
function place(namespace: string, subject: string): string {
  return `${namespace}/${subject}`;
}

function* subjectsOf({ metadata, subjects }: AnyBinding): Iterable<[place: string, subject: Subject]> {
  const scope = metadata?.namespace ?? '';
  for (const subject of subjects ?? []) {
    const { kind, name } = subject;
    if (kind === 'User') yield [place(scope, userKey(name)), subject];
    else if (kind === 'Group') yield [place(scope, groupKey(name)), subject];
    else if (kind === 'ServiceAccount') {
      const namespace = subject.namespace || scope;
      if (namespace) yield [place(scope, userKey(`system:serviceaccount:${namespace}:${name}`)), subject];
    }
  }
}

function described({ binding: { metadata, roleRef }, subject }: Grant): string {
  const { namespace, name = '' } = metadata ?? {};
  const [kind, full] = namespace ? ['RoleBinding', `${name}/${namespace}`] : ['ClusterRoleBinding', name];
  const who =
    subject.kind === 'ServiceAccount' ? `${subject.name}/${subject.namespace || namespace}` : subject.name;
  return `${kind} ${quoted(full)} of ${roleRef.kind} ${quoted(roleRef.name)} to ${subject.kind} ${quoted(who)}`;
}

function quoted(text: string): string {
  return JSON.stringify(text);
}

/** As apimachinery's aggregate of errors. */
function aggregate(messages: readonly string[]): string {
  const [first = '', ...more] = new Set(messages);
  return more.length === 0 ? first : `[${[first, ...more].join(', ')}]`;
}
