import { type PluginObject, Plugins } from 'orlop/plugin';
import { dns1123Label } from '../names.ts';
import { column, row } from '../row.ts';
import type { ResourceRow } from '../types.ts';

export const pluginRow: ResourceRow = row<PluginObject>(Plugins, {
  categories: ['orlop'],
  subresources: ['status'],
  strategy: {
    validateName: dns1123Label,
    default(plugin) {
      // The schema does not require it: `{}` runs a standard plugin as it is.
      plugin.spec ??= {};
    },
  },
  columns: [
    column('Kind', ({ spec, status }) => status?.kind ?? spec?.kind ?? ''),
    column('Version', ({ spec, status }) => status?.version ?? spec?.version ?? ''),
    column('Phase', ({ status }) => status?.phase ?? 'Pending'),
    column('Healthy', ({ status }) =>
      status?.healthy === undefined ? 'Unknown' : status.healthy ? 'True' : 'False',
    ),
    column('Isolation', ({ spec, status }) => status?.isolation ?? spec?.isolation ?? 'inline', {
      wide: true,
    }),
    column('Message', ({ status }) => status?.message ?? '', { wide: true }),
  ],
});
