import { type PluginObject, Plugins } from 'orlop/plugin';
import { column, row } from '../row.ts';
import type { ResourceRow } from '../types.ts';

export const pluginRow: ResourceRow = row<PluginObject>(Plugins, {
  categories: ['orlop'],
  subresources: ['status'],
  columns: [
    column('Kind', ({ spec, status }) => status?.kind ?? spec.kind ?? ''),
    column('Version', ({ spec, status }) => status?.version ?? spec.version ?? ''),
    column('Phase', ({ status }) => status?.phase ?? 'Pending'),
    column('Healthy', ({ status }) =>
      status?.healthy === undefined ? 'Unknown' : status.healthy ? 'True' : 'False',
    ),
    column('Isolation', ({ spec, status }) => status?.isolation ?? spec.isolation ?? 'inline', {
      wide: true,
    }),
    column('Message', ({ status }) => status?.message ?? '', { wide: true }),
  ],
});
