import { type Deployment, Deployments, type ReplicaSet, ReplicaSets } from 'orlop/plugin';
import { deploymentColumns, replicaSetColumns } from '../../printing/apps.ts';
import { deploymentStrategy, replicaSetStrategy } from '../apps/strategy.ts';
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
    strategy: deploymentStrategy,
  }),
  row<ReplicaSet>(ReplicaSets, {
    shortNames: ['rs'],
    strategy: replicaSetStrategy,
    columns: replicaSetColumns,
    categories: ['all'],
    subresources: [SCALE, 'status'],
    scale: SCALE_PATHS,
  }),
];
