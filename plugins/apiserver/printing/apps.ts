import type { Deployment, ReplicaSet } from 'orlop/plugin';
import { column } from '../resources/row.ts';
import type { Column } from '../resources/types.ts';
import { containerColumns, selectorText } from './text.ts';

function templateColumns<T extends Deployment | ReplicaSet>(): Column<T>[] {
  return [
    column('Containers', ({ spec }) => containerColumns(spec?.template?.spec?.containers).names, {
      wide: true,
    }),
    column('Images', ({ spec }) => containerColumns(spec?.template?.spec?.containers).images, { wide: true }),
    column('Selector', ({ spec }) => selectorText(spec?.selector), { wide: true }),
  ];
}

const INTEGER = { type: 'integer' } as const;

/** Source: kubernetes `printers/internalversion/printers.go`, printDeployment. */
export const deploymentColumns: readonly Column<Deployment>[] = [
  column('Ready', ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`, {
    description: 'Number of the pod with ready state',
  }),
  column('Up-to-date', ({ status }) => String(status?.updatedReplicas ?? 0)),
  column('Available', ({ status }) => String(status?.availableReplicas ?? 0)),
  ...templateColumns<Deployment>(),
];

export const replicaSetColumns: readonly Column<ReplicaSet>[] = [
  column('Desired', ({ spec }) => spec?.replicas ?? 0, INTEGER),
  column('Current', ({ status }) => status?.replicas ?? 0, INTEGER),
  column('Ready', ({ status }) => status?.readyReplicas ?? 0, INTEGER),
  ...templateColumns<ReplicaSet>(),
];
