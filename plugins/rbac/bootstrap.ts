import {
  type ClusterRole,
  type ClusterRoleBinding,
  ClusterRoleBindings,
  ClusterRoles,
  isStatus,
  type KubeObject,
  type ObjectClient,
  type PolicyRule,
  type Resource,
} from 'orlop/plugin';
import { EDIT, GRANT, VIEW } from './namespace-rules.ts';

const GROUP = 'rbac.authorization.k8s.io';
const API_VERSION = `${GROUP}/v1`;
const AGGREGATE = `${GROUP}/aggregate-to-`;

function metadata(name: string, ...aggregateTo: string[]): KubeObject['metadata'] & object {
  return {
    name,
    labels: {
      'kubernetes.io/bootstrapping': 'rbac-defaults',
      ...Object.fromEntries(aggregateTo.map((role) => [`${AGGREGATE}${role}`, 'true'])),
    },
  };
}

function role(name: string, rules: PolicyRule[], ...aggregateTo: string[]): ClusterRole {
  return {
    apiVersion: API_VERSION,
    kind: 'ClusterRole',
    metadata: metadata(name, ...aggregateTo),
    rules,
  };
}

/** Its rules are its controller's. */
function union(name: string, ...aggregateTo: string[]): ClusterRole {
  const clusterRoleSelectors = [{ matchLabels: { [`${AGGREGATE}${name}`]: 'true' } }];
  return { ...role(name, [], ...aggregateTo), aggregationRule: { clusterRoleSelectors } };
}

function binding(name: string, ...groups: string[]): ClusterRoleBinding {
  return {
    apiVersion: API_VERSION,
    kind: 'ClusterRoleBinding',
    metadata: metadata(name),
    roleRef: { apiGroup: GROUP, kind: 'ClusterRole', name },
    subjects: groups.map((group) => ({ apiGroup: GROUP, kind: 'Group', name: group })),
  };
}

function urls(...nonResourceURLs: string[]): PolicyRule {
  return { verbs: ['get'], nonResourceURLs };
}

function creating(apiGroup: string, ...resources: string[]): PolicyRule {
  return { verbs: ['create'], apiGroups: [apiGroup], resources };
}

const HEALTH = ['/healthz', '/livez', '/readyz'];
const VERSION = ['/version', '/version/'];
const AUTHENTICATED = 'system:authenticated';

/** Source of all: kubernetes `bootstrappolicy/policy.go`; those for components that are plugins here are left out. */
export const clusterRoles: readonly ClusterRole[] = [
  role('cluster-admin', [
    { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
    { verbs: ['*'], nonResourceURLs: ['*'] },
  ]),
  role('system:discovery', [
    urls('/api', '/api/*', '/apis', '/apis/*', '/openapi', '/openapi/*', ...HEALTH, ...VERSION),
  ]),
  role('system:basic-user', [
    creating('authorization.k8s.io', 'selfsubjectaccessreviews', 'selfsubjectrulesreviews'),
    creating('authentication.k8s.io', 'selfsubjectreviews'),
  ]),
  role('system:public-info-viewer', [urls(...HEALTH, ...VERSION)]),
  role('system:monitoring', [
    urls('/metrics', '/metrics/*', ...HEALTH.flatMap((path) => [path, `${path}/*`])),
  ]),
  role('system:service-account-issuer-discovery', [
    urls(
      '/.well-known/openid-configuration',
      '/.well-known/openid-configuration/',
      '/openid/v1/jwks',
      '/openid/v1/jwks/',
    ),
  ]),
  role('system:auth-delegator', [
    creating('authentication.k8s.io', 'tokenreviews'),
    creating('authorization.k8s.io', 'subjectaccessreviews'),
  ]),
  union('admin'),
  union('edit', 'admin'),
  union('view', 'edit'),
  role('system:aggregate-to-admin', GRANT, 'admin'),
  role('system:aggregate-to-edit', EDIT, 'edit'),
  role('system:aggregate-to-view', VIEW, 'view'),
  role(
    'system:aggregated-metrics-reader',
    [{ verbs: ['get', 'list', 'watch'], apiGroups: ['metrics.k8s.io'], resources: ['pods', 'nodes'] }],
    'admin',
    'edit',
    'view',
  ),
];

export const clusterRoleBindings: readonly ClusterRoleBinding[] = [
  binding('cluster-admin', 'system:masters'),
  binding('system:discovery', AUTHENTICATED),
  binding('system:basic-user', AUTHENTICATED),
  binding('system:public-info-viewer', AUTHENTICATED, 'system:unauthenticated'),
  binding('system:monitoring', 'system:monitoring'),
  binding('system:service-account-issuer-discovery', 'system:serviceaccounts'),
];

/** What users of Kubernetes refer to. What is there is left as it is. */
export async function bootstrap(objects: ObjectClient): Promise<void> {
  await Promise.all([
    ...clusterRoles.map((each) => ensure(objects, ClusterRoles, each)),
    ...clusterRoleBindings.map((each) => ensure(objects, ClusterRoleBindings, each)),
  ]);
}

async function ensure<T extends KubeObject>(
  objects: ObjectClient,
  resource: Resource<T>,
  object: T,
): Promise<void> {
  if (await objects.get(resource, { name: object.metadata!.name! })) return;
  try {
    await objects.create(resource, structuredClone(object));
  } catch (error) {
    // Another server of the cluster was faster.
    if (!isStatus(error, 'AlreadyExists')) throw error;
  }
}
