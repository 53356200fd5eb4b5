import { accessRows } from './kinds/access.ts';
import { appsRows } from './kinds/apps.ts';
import { batchRows } from './kinds/batch.ts';
import { componentRow } from './kinds/components.ts';
import { configRows } from './kinds/config.ts';
import { eventRows } from './kinds/events.ts';
import { extensionRows } from './kinds/extensions.ts';
import { ingressRows } from './kinds/ingress.ts';
import { kernelRow } from './kinds/kernels.ts';
import { metricsRows } from './kinds/metrics.ts';
import { namespaceRow } from './kinds/namespaces.ts';
import { nodeRows } from './kinds/nodes.ts';
import { pluginRow } from './kinds/plugins.ts';
import { podRow } from './kinds/pods.ts';
import { policyRows } from './kinds/policy.ts';
import { rbacRows } from './kinds/rbac.ts';
import { serviceRows } from './kinds/services.ts';
import { storageRows } from './kinds/storage.ts';
import { olderRows } from './older.ts';
import type { ServiceOptions } from './services/allocate.ts';
import type { ResourceRow } from './types.ts';

/** The rows of a new cluster, in the order in which discovery shows them. */
export function standardRows(options: ServiceOptions): ResourceRow[] {
  const rows = [
    ...configRows,
    componentRow,
    namespaceRow,
    ...nodeRows,
    podRow,
    ...serviceRows(options),
    ...appsRows,
    ...batchRows,
    ...policyRows,
    ...storageRows,
    ...eventRows,
    ...ingressRows,
    ...rbacRows,
    ...extensionRows,
    ...accessRows,
    ...metricsRows,
    pluginRow,
    kernelRow,
  ];
  return [...rows, ...olderRows(rows)];
}
