import {
  type ClusterRole,
  type ClusterRoleBinding,
  ClusterRoleBindings,
  ClusterRoles,
  type Role,
  type RoleBinding,
  RoleBindings,
  Roles,
} from 'orlop/plugin';
import { createdColumns, roleBindingColumns } from '../../printing/policies.ts';
import {
  clusterRoleBindingStrategy,
  clusterRoleStrategy,
  roleBindingStrategy,
  roleStrategy,
} from '../rbac/strategy.ts';
import { row } from '../row.ts';
import type { ResourceRow } from '../types.ts';

export const rbacRows: readonly ResourceRow[] = [
  row<Role>(Roles, { strategy: roleStrategy, columns: createdColumns }),
  row<RoleBinding>(RoleBindings, { strategy: roleBindingStrategy, columns: roleBindingColumns }),
  row<ClusterRole>(ClusterRoles, { strategy: clusterRoleStrategy, columns: createdColumns }),
  row<ClusterRoleBinding>(ClusterRoleBindings, {
    strategy: clusterRoleBindingStrategy,
    columns: roleBindingColumns,
  }),
];
