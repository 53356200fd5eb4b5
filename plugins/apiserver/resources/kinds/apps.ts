import {
  type ControllerRevision,
  ControllerRevisions,
  type DaemonSet,
  DaemonSets,
  type Deployment,
  Deployments,
  type PodTemplate,
  PodTemplates,
  type ReplicaSet,
  ReplicaSets,
  type ReplicationController,
  ReplicationControllers,
  type StatefulSet,
  StatefulSets,
} from 'orlop/plugin';
import {
  controllerRevisionColumns,
  daemonSetColumns,
  deploymentColumns,
  podTemplateColumns,
  replicaSetColumns,
  replicationControllerColumns,
  statefulSetColumns,
} from '../../printing/apps.ts';
import { podTemplateStrategy, replicationControllerStrategy } from '../apps/replication.ts';
import { controllerRevisionStrategy, daemonSetStrategy, statefulSetStrategy } from '../apps/sets.ts';
import { deploymentStrategy, replicaSetStrategy } from '../apps/strategy.ts';
import { row, SCALE } from '../row.ts';
import type { ResourceRow, ScalePaths } from '../types.ts';

const SCALE_PATHS: ScalePaths = {
  specReplicasPath: 'spec.replicas',
  statusReplicasPath: 'status.replicas',
  labelSelectorPath: 'spec.selector',
};
/** What all kinds with replicas have. */
const SCALED = { categories: ['all'], subresources: [SCALE, 'status'], scale: SCALE_PATHS };

export const appsRows: readonly ResourceRow[] = [
  row<Deployment>(Deployments, {
    ...SCALED,
    shortNames: ['deploy'],
    columns: deploymentColumns,
    strategy: deploymentStrategy,
  }),
  row<ReplicaSet>(ReplicaSets, {
    ...SCALED,
    shortNames: ['rs'],
    strategy: replicaSetStrategy,
    columns: replicaSetColumns,
    fieldSelectors: { 'status.replicas': ({ status }) => String(status?.replicas ?? 0) },
  }),
  row<StatefulSet>(StatefulSets, {
    ...SCALED,
    shortNames: ['sts'],
    strategy: statefulSetStrategy,
    columns: statefulSetColumns,
  }),
  row<DaemonSet>(DaemonSets, {
    shortNames: ['ds'],
    categories: ['all'],
    subresources: ['status'],
    strategy: daemonSetStrategy,
    columns: daemonSetColumns,
  }),
  row<ControllerRevision>(ControllerRevisions, {
    strategy: controllerRevisionStrategy,
    columns: controllerRevisionColumns,
  }),
  row<ReplicationController>(ReplicationControllers, {
    ...SCALED,
    shortNames: ['rc'],
    strategy: replicationControllerStrategy,
    columns: replicationControllerColumns,
    fieldSelectors: { 'status.replicas': ({ status }) => String(status?.replicas ?? 0) },
  }),
  row<PodTemplate>(PodTemplates, { strategy: podTemplateStrategy, columns: podTemplateColumns }),
];
