import type { Deployment, ReplicaSet } from 'orlop/plugin';
import { defaultPodTemplate } from '../pods/defaults.ts';
import { workloadWarnings } from '../pods/warnings.ts';
import type { Strategy } from '../types.ts';
import { validateDeployment, validateReplicaSet, validateSelectorUpdate } from './validate.ts';

/** Source: kubernetes `pkg/apis/apps/v1/defaults.go` and `pkg/registry/apps/deployment/strategy.go`. */
export const deploymentStrategy: Strategy<Deployment> = {
  default({ spec }) {
    if (!spec) return;
    spec.replicas ??= 1;
    spec.strategy ??= {};
    spec.strategy.type ||= 'RollingUpdate';
    if (spec.strategy.type === 'RollingUpdate') {
      spec.strategy.rollingUpdate ??= {};
      spec.strategy.rollingUpdate.maxUnavailable ??= '25%';
      spec.strategy.rollingUpdate.maxSurge ??= '25%';
    }
    spec.revisionHistoryLimit ??= 10;
    spec.progressDeadlineSeconds ??= 600;
    defaultPodTemplate(spec.template);
  },
  validate: validateDeployment,
  validateUpdate: validateSelectorUpdate,
  warnings: workloadWarnings,
};

export const replicaSetStrategy: Strategy<ReplicaSet> = {
  default({ spec }) {
    if (!spec) return;
    spec.replicas ??= 1;
    defaultPodTemplate(spec.template);
  },
  validate: validateReplicaSet,
  warnings: workloadWarnings,
  validateUpdate: validateSelectorUpdate,
};
