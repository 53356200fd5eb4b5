import type { KubeObject } from 'orlop/plugin';
import { column, row } from '../row.ts';
import type { ResourceRow } from '../types.ts';

export interface KernelObject extends KubeObject {
  status: { node?: string; roles: readonly string[]; version: string };
}

const KERNELS = { group: 'orlop.dev', version: 'v1', resource: 'kernels', kind: 'Kernel', namespaced: false };

/** The processes that are the cluster, as they say themselves that they are alive. */
export const kernelRow: ResourceRow = row<KernelObject>(KERNELS, {
  categories: ['orlop'],
  verbs: ['get', 'list'],
  source: 'presence',
  columns: [
    column('Roles', ({ status }) => status.roles.join(',') || '<none>'),
    column('Node', ({ status }) => status.node ?? '<none>'),
    column('Version', ({ status }) => status.version),
  ],
});
