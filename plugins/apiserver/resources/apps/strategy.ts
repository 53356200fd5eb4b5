import type { Deployment, PodTemplateSpec, ReplicaSet } from 'orlop/plugin';
import { defaultPodSpec } from '../pods/defaults.ts';
import type { Strategy } from '../types.ts';
import { validateDeployment, validateReplicaSet, validateSelectorUpdate } from './validate.ts';

function defaultTemplate(template: PodTemplateSpec | undefined): void {
  if (!template?.spec) return;
  template.spec.containers ??= [];
  defaultPodSpec(template.spec);
}

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
    defaultTemplate(spec.template);
  },
  validate: validateDeployment,
  validateUpdate: validateSelectorUpdate,
};

export const replicaSetStrategy: Strategy<ReplicaSet> = {
  default({ spec }) {
    if (!spec) return;
    spec.replicas ??= 1;
    defaultTemplate(spec.template);
  },
  validate: validateReplicaSet,
  validateUpdate: validateSelectorUpdate,
};
