import { type Deployment, Deployments, type ReplicaSet, ReplicaSets } from 'orlop/plugin';
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
    scale: SCALE_PATHS,
  }),
  row<ReplicaSet>(ReplicaSets, {
    shortNames: ['rs'],
    categories: ['all'],
    subresources: [SCALE, 'status'],
    scale: SCALE_PATHS,
  }),
];
