import { type Lease, Leases, type Node, Nodes, type RuntimeClass, RuntimeClasses } from 'orlop/plugin';
import { nodeColumns } from '../../printing/nodes.ts';
import {
  validateLease,
  validateNode,
  validateNodeUpdate,
  validateRuntimeClass,
  validateRuntimeClassUpdate,
} from '../nodes/validate.ts';
import { column, proxy, row } from '../row.ts';
import type { ResourceRow } from '../types.ts';

export const nodeRows: readonly ResourceRow[] = [
  row<Node>(Nodes, {
    shortNames: ['no'],
    subresources: [proxy('Node'), 'status'],
    columns: nodeColumns,
    strategy: {
      keepsStatus: true,
      default({ status }) {
        if (status?.capacity) status.allocatable ??= { ...status.capacity };
      },
      validate: validateNode,
      validateUpdate: validateNodeUpdate,
    },
    fieldSelectors: { 'spec.unschedulable': ({ spec }) => String(spec?.unschedulable ?? false) },
  }),
  row<Lease>(Leases, {
    strategy: { allowCreateOnUpdate: true, validate: validateLease },
    columns: [column('Holder', ({ spec }) => spec?.holderIdentity ?? '')],
  }),
  row<RuntimeClass>(RuntimeClasses, {
    strategy: { validate: validateRuntimeClass, validateUpdate: validateRuntimeClassUpdate },
    columns: [column('Handler', ({ handler }) => handler)],
  }),
];
