import type { PodTemplate, ReplicationController } from 'orlop/plugin';
import { matchLabelSelector } from 'orlop/plugin';
import { nonNegative, oneOf } from '../checks.ts';
import { invalid, required } from '../errors.ts';
import { validateLabels } from '../metadata.ts';
import { defaultPodTemplate } from '../pods/defaults.ts';
import { validatePodTemplate } from '../pods/validate.ts';
import { templateWarnings, workloadWarnings } from '../pods/warnings.ts';
import type { FieldError, Strategy } from '../types.ts';

/** Source: kubernetes `pkg/apis/core/v1/defaults.go` and `pkg/apis/core/validation/validation.go`, ReplicationController. */
export const replicationControllerStrategy: Strategy<ReplicationController> = {
  default({ spec, metadata }) {
    if (!spec) return;
    const labels = spec.template?.metadata?.labels;
    if (labels && Object.keys(spec.selector ?? {}).length === 0) spec.selector = { ...labels };
    if (labels && metadata && Object.keys(metadata.labels ?? {}).length === 0)
      metadata.labels = { ...labels };
    spec.replicas ??= 1;
    defaultPodTemplate(spec.template);
  },
  validate: validateReplicationController,
  warnings: workloadWarnings,
};

function validateReplicationController({ spec }: ReplicationController): FieldError[] {
  const { selector = {}, template } = spec ?? {};
  const errors = [
    ...nonNegative(spec?.minReadySeconds, 'spec.minReadySeconds'),
    ...nonNegative(spec?.replicas, 'spec.replicas'),
    ...validateLabels(selector, 'spec.selector'),
  ];
  if (Object.keys(selector).length === 0) errors.push(required('spec.selector'));
  if (!template) return [...errors, required('spec.template')];
  const labels = template.metadata?.labels;
  if (!matchLabelSelector({ matchLabels: selector })(labels)) {
    errors.push(
      invalid('spec.template.metadata.labels', labels ?? {}, '`selector` does not match template `labels`'),
    );
  }
  return [
    ...errors,
    ...validatePodTemplate(template, 'spec.template'),
    ...oneOf(template.spec?.restartPolicy, 'spec.template.spec.restartPolicy', ['Always']),
  ];
}

export const podTemplateStrategy: Strategy<PodTemplate> = {
  default: ({ template }) => defaultPodTemplate(template),
  validate: ({ template }) => validatePodTemplate(template, 'template'),
  warnings: ({ template }) => templateWarnings(template, 'template'),
};
