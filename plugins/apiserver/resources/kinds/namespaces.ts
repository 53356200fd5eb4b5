import { type Namespace, Namespaces } from 'orlop/plugin';
import { dns1123Label } from '../names.ts';
import { column, row } from '../row.ts';
import type { ResourceRow } from '../types.ts';

const FINALIZER = 'kubernetes';
const NAME_LABEL = 'kubernetes.io/metadata.name';

export const namespaceRow: ResourceRow = row<Namespace>(Namespaces, {
  shortNames: ['ns'],
  verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
  subresources: [
    { name: 'finalize', group: '', version: 'v1', kind: 'Namespace', verbs: ['update'] },
    'status',
  ],
  columns: [column('Status', ({ status }) => status?.phase ?? '')],
  fieldSelectors: { 'status.phase': ({ status }) => status?.phase ?? '' },
  strategy: {
    validateName: dns1123Label,
    default(namespace) {
      const { metadata } = namespace;
      if (metadata?.name) metadata.labels = { ...metadata.labels, [NAME_LABEL]: metadata.name };
    },
    prepareForCreate(namespace) {
      Object.assign(namespace, { status: { phase: 'Active' } });
      const finalizers = namespace.spec?.finalizers ?? [];
      namespace.spec = {
        finalizers: finalizers.includes(FINALIZER) ? finalizers : [...finalizers, FINALIZER],
      };
    },
    // Only the `finalize` subresource changes them.
    prepareForUpdate(next, old) {
      next.spec = { ...old.spec };
    },
  },
});
