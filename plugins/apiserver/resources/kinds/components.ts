import type { KubeObject } from 'orlop/plugin';
import { column, nameColumn, row } from '../row.ts';
import type { ResourceRow } from '../types.ts';

export interface ComponentStatus extends KubeObject {
  conditions: { type: string; status: string; message?: string; error?: string }[];
}

const COMPONENTS = {
  group: '',
  version: 'v1',
  resource: 'componentstatuses',
  kind: 'ComponentStatus',
  namespaced: false,
};

function healthy({ conditions }: ComponentStatus) {
  return conditions.find(({ type }) => type === 'Healthy');
}

const TEXT: Readonly<Record<string, string>> = { True: 'Healthy', False: 'Unhealthy' };

/** Source: kubernetes `printers/internalversion/printers.go`, printComponentStatus. */
export const componentRow: ResourceRow = row<ComponentStatus>(COMPONENTS, {
  shortNames: ['cs'],
  verbs: ['get', 'list'],
  source: 'plugins',
  deprecation: 'v1 ComponentStatus is deprecated in v1.19+',
  columns: [
    nameColumn,
    column('Status', (component) => TEXT[healthy(component)?.status ?? ''] ?? 'Unknown'),
    column('Message', (component) => healthy(component)?.message ?? ''),
    column('Error', (component) => healthy(component)?.error ?? ''),
  ],
});
