export type { Deployment, DeploymentStatus, PodTemplateSpec, ReplicaSet } from 'orlop/plugin';

import type { DeploymentStatus } from 'orlop/plugin';

export type DeploymentCondition = NonNullable<DeploymentStatus['conditions']>[number];

export const POD_TEMPLATE_HASH = 'pod-template-hash';
export const REVISION = 'deployment.kubernetes.io/revision';
export const REVISION_HISTORY = 'deployment.kubernetes.io/revision-history';
export const DESIRED_REPLICAS = 'deployment.kubernetes.io/desired-replicas';
export const MAX_REPLICAS = 'deployment.kubernetes.io/max-replicas';
