import { type Lease, Leases, type Node, Nodes, type RuntimeClass, RuntimeClasses } from 'orlop/plugin';
import { row } from '../row.ts';
import type { ResourceRow } from '../types.ts';

export const nodeRows: readonly ResourceRow[] = [
  row<Node>(Nodes, {
    shortNames: ['no'],
    subresources: ['status'],
    fieldSelectors: { 'spec.unschedulable': ({ spec }) => String(spec?.unschedulable ?? false) },
  }),
  row<Lease>(Leases, { strategy: { allowCreateOnUpdate: true } }),
  row<RuntimeClass>(RuntimeClasses),
];
