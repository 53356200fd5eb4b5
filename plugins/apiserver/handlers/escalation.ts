import {
  type AccessAttributes,
  type Authorizer,
  type ClusterRole,
  ClusterRoles,
  notFound,
  type ObjectClient,
  type PolicyRule,
  type RoleBinding,
  Roles,
  type UserInfo,
} from 'orlop/plugin';
import { same } from '../resources/checks.ts';
import { type AdmissionAttributes, type AdmissionStep, forbidden } from './admission.ts';

const GROUP = 'rbac.authorization.k8s.io';
/** Of single permissions in one role: each is asked for. */
const MOST = 20_000;

/** What an aggregationRule may gather. */
const EVERYTHING: PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
];

/**
 * Nobody gives what they do not have: a role holds, and a binding gives, what its author may do, unless they may `escalate` or `bind` it.
 * Source: kubernetes `pkg/registry/rbac/KIND/policybased/storage.go` and `pkg/registry/rbac/validation/rule.go`.
 */
export function escalationCheck(objects: ObjectClient, authorizer: Authorizer): AdmissionStep {
  const may = async (user: UserInfo, asked: AccessAttributes): Promise<boolean> =>
    (await authorizer.authorize(user, asked)).allowed;

  async function rulesOf({
    row,
    namespace,
    name,
    object,
    old,
    user,
  }: AdmissionAttributes): Promise<PolicyRule[]> {
    if (row.kind === 'Role' || row.kind === 'ClusterRole') {
      const { resource } = row;
      if (await may(user, { verb: 'escalate', group: GROUP, resource, namespace, name })) return [];
      const { rules, aggregationRule } = object as ClusterRole;
      return aggregationRule || (old as ClusterRole | undefined)?.aggregationRule
        ? EVERYTHING
        : (rules ?? []);
    }
    const { roleRef } = object as RoleBinding;
    const role = roleRef.kind === 'Role' ? Roles : ClusterRoles;
    const { resource } = role;
    if (await may(user, { verb: 'bind', group: GROUP, resource, namespace, name: roleRef.name })) return [];
    const found =
      roleRef.kind === 'Role'
        ? await objects.get(Roles, { namespace, name: roleRef.name })
        : await objects.get(ClusterRoles, { name: roleRef.name });
    if (!found) throw notFound(role, roleRef.name);
    return found.value.rules ?? [];
  }

  return {
    async mutate() {},
    async validate(request) {
      const { operation, row, subresource, namespace, name, object, old, user } = request;
      if (row.group !== GROUP || operation === 'DELETE' || subresource !== '' || !object) return;
      if (old && isCollected(old, object)) return;
      const rules = await rulesOf(request);
      if (rules.reduce((sum, rule) => sum + size(rule), 0) > MOST) {
        throw forbidden(row, name, `its rules have more than ${MOST} combinations; divide it, or use '*'`);
      }
      const missing = new Map<string, string[]>();
      for (const rule of rules) {
        for (const [permission, asked] of permissions(rule)) {
          if (await may(user, { ...asked, namespace })) continue;
          const verbs = missing.get(permission);
          if (verbs) verbs.push(asked.verb);
          else missing.set(permission, [asked.verb]);
        }
      }
      if (missing.size === 0) return;
      const lines = [...missing].map(([permission, verbs]) => `{${permission}, Verbs:${list(verbs)}}`).sort();
      const who = `user ${JSON.stringify(user.username)} (groups=${list(user.groups)})`;
      throw forbidden(
        row,
        name,
        `${who} is attempting to grant RBAC permissions not currently held:\n${lines.join('\n')}`,
      );
    },
  };
}

/** Whether nothing changes but what the garbage collector keeps. */
function isCollected(old: object, next: object): boolean {
  const [a, b] = [old, next].map((each) => {
    const copy = structuredClone(each) as ClusterRole;
    const {
      ownerReferences: _o,
      finalizers: _f,
      managedFields: _m,
      resourceVersion: _r,
      ...rest
    } = copy.metadata!;
    return { ...copy, metadata: rest };
  });
  return same(a, b);
}

function size({
  verbs,
  apiGroups = [],
  resources = [],
  resourceNames = [],
  nonResourceURLs = [],
}: PolicyRule): number {
  const about = apiGroups.length * resources.length * Math.max(resourceNames.length, 1);
  return verbs.length * (about + nonResourceURLs.length);
}

/** Each single permission of a rule, what to ask for it and how upstream's message shows it. */
function* permissions(rule: PolicyRule): Iterable<[shown: string, asked: AccessAttributes]> {
  const { verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule;
  for (const path of nonResourceURLs) {
    for (const verb of verbs) yield [`NonResourceURLs:${list([path])}`, { verb, path }];
  }
  for (const group of apiGroups) {
    for (const whole of resources) {
      const slash = whole.indexOf('/');
      const [resource, subresource] =
        slash === -1 ? [whole, undefined] : [whole.slice(0, slash), whole.slice(slash + 1)];
      const about = `APIGroups:${list([group])}, Resources:${list([whole])}`;
      for (const name of resourceNames.length > 0 ? resourceNames : [undefined]) {
        const shown = name === undefined ? about : `${about}, ResourceNames:${list([name])}`;
        for (const verb of verbs) yield [shown, { verb, group, resource, subresource, name }];
      }
    }
  }
}

/** As Go's `%q` of a slice. */
function list(texts: readonly string[]): string {
  return `[${texts.map((text) => JSON.stringify(text)).join(' ')}]`;
}
