import {
  Authorizer,
  ClusterRoleBindings,
  ClusterRoles,
  definePlugin,
  provide,
  RoleBindings,
  Roles,
} from 'orlop/plugin';
import { bootstrap } from './bootstrap.ts';
import { follow } from './follow.ts';
import { Policy } from './policy.ts';

export default definePlugin({
  name: 'rbac',
  kind: 'authorizer.v1',
  version: '1.0.0',
  description: 'Says what somebody may do, by the Roles bound to them.',
  provides: [Authorizer],
  grants: {
    objects: [
      ...[Roles, RoleBindings].map((resource) => ({ resource, verbs: ['list', 'watch'] as const })),
      ...[ClusterRoles, ClusterRoleBindings].map((resource) => ({
        resource,
        verbs: ['get', 'list', 'watch', 'create'] as const,
      })),
    ],
  },
  async start(ctx) {
    await bootstrap(ctx.objects);
    const policy = new Policy();
    await follow(ctx, policy);
    return {
      provides: [
        provide(Authorizer, {
          authorize: (user, attributes) => policy.authorize(user, attributes),
          rules: (user, namespace) => policy.rules(user, namespace),
        }),
      ],
    };
  },
});
