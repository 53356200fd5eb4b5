import { type Lease, Leases, type Node, Nodes, type RuntimeClass, RuntimeClasses } from 'orlop/plugin';
import { nodeColumns } from '../../printing/nodes.ts';
import { column, row } from '../row.ts';
import type { ResourceRow } from '../types.ts';

export const nodeRows: readonly ResourceRow[] = [
  row<Node>(Nodes, {
    shortNames: ['no'],
    subresources: ['status'],
    columns: nodeColumns,
    fieldSelectors: { 'spec.unschedulable': ({ spec }) => String(spec?.unschedulable ?? false) },
  }),
  row<Lease>(Leases, {
    strategy: { allowCreateOnUpdate: true },
    columns: [column('Holder', ({ spec }) => spec?.holderIdentity ?? '')],
  }),
  row<RuntimeClass>(RuntimeClasses, { columns: [column('Handler', ({ handler }) => handler)] }),
];
