import type { AccessAttributes, Authorizer, PolicyRule, UserInfo } from 'orlop/plugin';
import type { Checks } from './checks.ts';

export interface AuthorizerFixture {
  authorizer: Authorizer;
}

const AUTHENTICATED = 'system:authenticated';

/** What every client does before anything else. */
const ALWAYS: readonly AccessAttributes[] = [
  ...['/api', '/apis', '/apis/apps/v1', '/openapi/v3', '/version'].map((path) => ({ verb: 'get', path })),
  ...['selfsubjectaccessreviews', 'selfsubjectrulesreviews'].map((resource) => ({
    verb: 'create',
    group: 'authorization.k8s.io',
    resource,
  })),
  { verb: 'create', group: 'authentication.k8s.io', resource: 'selfsubjectreviews' },
];

/** What nobody may do by merely being somebody: each leads to being somebody else, or everybody. */
const NEVER: readonly AccessAttributes[] = [
  { verb: 'create', group: 'rbac.authorization.k8s.io', resource: 'clusterrolebindings' },
  { verb: 'list', group: '', resource: 'secrets' },
  { verb: 'create', group: '', resource: 'serviceaccounts', subresource: 'token', namespace: 'n', name: 'a' },
  { verb: 'impersonate', group: '', resource: 'groups', name: 'system:masters' },
  { verb: 'update', group: 'orlop.dev', resource: 'plugins', name: 'auth' },
  { verb: 'delete', path: '/metrics' },
];

/** The suite every plugin of kind `authorizer.v1` passes. */
export async function authorizerConformance(
  t: Checks,
  name: string,
  make: (t: Checks) => Promise<AuthorizerFixture>,
): Promise<void> {
  await t.test(`${name}: conformance to authorizer.v1`, async (t) => {
    const { authorizer } = await make(t);
    const stranger: UserInfo = { username: 'a-stranger-of-this-suite', groups: [AUTHENTICATED] };
    const nobody: UserInfo = { username: 'system:anonymous', groups: ['system:unauthenticated'] };
    for (const asked of ALWAYS) {
      const { allowed, reason } = await authorizer.authorize(stranger, asked);
      t.ok(allowed && typeof reason === 'string', `somebody may ${JSON.stringify(asked)}`);
    }
    for (const asked of NEVER) {
      for (const user of [stranger, nobody]) {
        const { allowed } = await authorizer.authorize(user, asked);
        t.equal(allowed, false, `${user.username} may not ${JSON.stringify(asked)}`);
      }
    }
    const { resourceRules, nonResourceRules } = await authorizer.rules(stranger, 'default');
    for (const rule of [...resourceRules, ...nonResourceRules]) {
      for (const asked of each(rule)) {
        const { allowed } = await authorizer.authorize(stranger, asked);
        t.ok(allowed, `what it lists it allows: ${JSON.stringify(asked)}`);
      }
    }
  });
}

/** What a rule without `*` allows. */
function each({ verbs, apiGroups = [], resources = [], nonResourceURLs = [], resourceNames }: PolicyRule) {
  const all: AccessAttributes[] = nonResourceURLs.flatMap((path) => verbs.map((verb) => ({ verb, path })));
  for (const group of apiGroups) {
    for (const whole of resources) {
      const [resource, subresource] = whole.split('/');
      const about = { group, resource, subresource, namespace: 'default', name: resourceNames?.[0] };
      all.push(...verbs.map((verb) => ({ ...about, verb })));
    }
  }
  return all.filter((asked) => !Object.values(asked).some((text) => text?.includes('*')));
}
