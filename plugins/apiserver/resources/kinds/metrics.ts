import { type KubeObject, parseQuantity } from 'orlop/plugin';
import { column, nameColumn, row } from '../row.ts';
import type { Column, ResourceRow } from '../types.ts';

type Usage = { cpu: string; memory: string };

export interface NodeMetrics extends KubeObject {
  timestamp: string;
  window: string;
  usage: Usage;
}

export interface PodMetrics extends KubeObject {
  timestamp: string;
  window: string;
  containers: { name: string; usage: Usage }[];
}

const GROUP = { group: 'metrics.k8s.io', version: 'v1beta1' };

function columns<T extends KubeObject & { window: string }>(usages: (object: T) => Usage[]): Column<T>[] {
  const sum = (object: T, part: keyof Usage): number =>
    usages(object).reduce((all, usage) => all + (parseQuantity(usage[part]) ?? 0), 0);
  return [
    nameColumn,
    column('cpu', (object) => `${Math.round(sum(object, 'cpu') * 1e9)}n`),
    column('memory', (object) => `${Math.round(sum(object, 'memory') / 1024)}Ki`),
    column('window', ({ window }) => window),
  ];
}

/** What nodes and pods use. Source: metrics-server `pkg/api`. */
export const metricsRows: readonly ResourceRow[] = [
  row<NodeMetrics>(
    { ...GROUP, resource: 'nodes', kind: 'NodeMetrics', namespaced: false },
    { verbs: ['get', 'list'], source: 'nodes', columns: columns(({ usage }) => [usage]) },
  ),
  row<PodMetrics>(
    { ...GROUP, resource: 'pods', kind: 'PodMetrics', namespaced: true },
    {
      verbs: ['get', 'list'],
      source: 'nodes',
      columns: columns(({ containers }) => containers.map(({ usage }) => usage)),
    },
  ),
];
