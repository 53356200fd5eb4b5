import { type Deployment, Deployments, type ReplicaSet, ReplicaSets } from 'orlop/plugin';
import { deploymentColumns, replicaSetColumns } from '../../printing/apps.ts';
import { row, SCALE } from '../row.ts';
import type { ResourceRow, ScalePaths } from '../types.ts';

const SCALE_PATHS: ScalePaths = {
  specReplicasPath: 'spec.replicas',
  statusReplicasPath: 'status.replicas',
  labelSelectorPath: 'spec.selector',
};

export const appsRows: readonly ResourceRow[] = [
  row<Deployment>(Deployments, {
    shortNames: ['deploy'],
    categories: ['all'],
    subresources: [SCALE, 'status'],
    columns: deploymentColumns,
    scale: SCALE_PATHS,
  }),
  row<ReplicaSet>(ReplicaSets, {
    shortNames: ['rs'],
    columns: replicaSetColumns,
    categories: ['all'],
    subresources: [SCALE, 'status'],
    scale: SCALE_PATHS,
  }),
];
