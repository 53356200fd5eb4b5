import { isDeepStrictEqual } from 'node:util';
import {
  type ClusterRole,
  ClusterRoles,
  type Context,
  type Controller,
  controller,
  isStatus,
  matchLabelSelector,
  type PolicyRule,
  source,
} from 'orlop/plugin';

/** Source: kubernetes `pkg/controller/clusterroleaggregation/clusterroleaggregation_controller.go`. */
export function run(ctx: Context): Controller {
  const { objects } = ctx;

  /** Any change may concern any union: there are few of them. */
  const ALL = 'all';

  async function reconcile(): Promise<void> {
    const { items } = await objects.list(ClusterRoles, { revision: 0 });
    const roles = items.map((each) => each.value);
    for (const role of roles) {
      if (!role.aggregationRule || role.metadata?.deletionTimestamp !== undefined) continue;
      const rules = union(role, roles);
      if (isDeepStrictEqual(rules, role.rules ?? [])) continue;
      try {
        // At the revision it was seen in: what changes meanwhile is another reconcile.
        await objects.update(ClusterRoles, { ...role, rules });
      } catch (error) {
        if (!isStatus(error, 'NotFound') && !isStatus(error, 'Conflict')) throw error;
      }
    }
  }

  return controller(ctx, {
    sources: [source(ctx, ClusterRoles, () => [ALL])],
    reconcile,
  });
}

/** Each rule of the selected roles once, in the order of the roles' names. */
export function union(
  { metadata, aggregationRule }: ClusterRole,
  roles: readonly ClusterRole[],
): PolicyRule[] {
  const matches = (aggregationRule?.clusterRoleSelectors ?? []).map(matchLabelSelector);
  const rules = roles
    .filter((role) => role.metadata?.name !== metadata?.name)
    .filter((role) => matches.some((isSelected) => isSelected(role.metadata?.labels)))
    .flatMap((role) => role.rules ?? []);
  return [...new Map(rules.map((rule) => [JSON.stringify(rule), rule])).values()];
}
