import { type Pod, Pods } from 'orlop/plugin';
import { podColumns } from '../../printing/pods.ts';
import { podStrategy } from '../pods/strategy.ts';
import { proxy, row } from '../row.ts';
import type { ResourceRow, Subresource } from '../types.ts';

const POD = { group: '', version: 'v1', kind: 'Pod' };
const CONNECT = ['create', 'get'];

const subresources: readonly (string | Subresource)[] = [
  { name: 'attach', ...POD, kind: 'PodAttachOptions', verbs: CONNECT },
  { name: 'binding', ...POD, kind: 'Binding', verbs: ['create'] },
  'ephemeralcontainers',
  { name: 'eviction', group: 'policy', version: 'v1', kind: 'Eviction', verbs: ['create'] },
  { name: 'exec', ...POD, kind: 'PodExecOptions', verbs: CONNECT },
  { name: 'log', ...POD, verbs: ['get'] },
  { name: 'portforward', ...POD, kind: 'PodPortForwardOptions', verbs: CONNECT },
  proxy('Pod'),
  'resize',
  'status',
];

export const podRow: ResourceRow = row<Pod>(Pods, {
  shortNames: ['po'],
  categories: ['all'],
  subresources,
  columns: podColumns,
  strategy: podStrategy,
  fieldSelectors: {
    'spec.nodeName': ({ spec }) => spec?.nodeName ?? '',
    'spec.restartPolicy': ({ spec }) => spec?.restartPolicy ?? '',
    'spec.schedulerName': ({ spec }) => spec?.schedulerName ?? '',
    'spec.serviceAccountName': ({ spec }) => spec?.serviceAccountName ?? '',
    'spec.hostNetwork': ({ spec }) => String(spec?.hostNetwork ?? false),
    'status.phase': ({ status }) => status?.phase ?? '',
    'status.podIP': ({ status }) => status?.podIP ?? '',
    'status.nominatedNodeName': ({ status }) => status?.nominatedNodeName ?? '',
  },
});
