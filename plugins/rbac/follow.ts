import {
  ClusterRoleBindings,
  ClusterRoles,
  type Context,
  type InformerHandler,
  informer,
  type KubeObject,
  type Resource,
  RoleBindings,
  Roles,
} from 'orlop/plugin';
import type { Policy } from './policy.ts';

/** Keeps `policy` what the store says; resolves once it is. */
export async function follow(ctx: Context, policy: Policy): Promise<void> {
  const one = <T extends KubeObject>(resource: Resource<T>, handler: InformerHandler<T>): Promise<void> =>
    new Promise((synced) => {
      const watch = informer(ctx, resource, {}, { ...handler, synced });
      ctx.defer(() => watch.close());
    });
  const roles: InformerHandler<Parameters<Policy['setRole']>[0]> = {
    changed: (role) => policy.setRole(role),
    deleted: (role) => policy.deleteRole(role),
  };
  const bindings: InformerHandler<Parameters<Policy['setBinding']>[0]> = {
    changed: (binding) => policy.setBinding(binding),
    deleted: (binding) => policy.deleteBinding(binding),
  };
  await Promise.all([
    one(Roles, roles),
    one(ClusterRoles, roles),
    one(RoleBindings, bindings),
    one(ClusterRoleBindings, bindings),
  ]);
}
