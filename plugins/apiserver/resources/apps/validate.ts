import {
  type Deployment,
  type KubeObject,
  type LabelSelector,
  matchLabelSelector,
  type PodTemplateSpec,
  type ReplicaSet,
} from 'orlop/plugin';
import { amount, nonNegative, oneOf, unchanged } from '../checks.ts';
import { forbidden, invalid, required, unsupported } from '../errors.ts';
import { validatePodTemplate } from '../pods/validate.ts';
import { isEmptySelector, validateLabelSelector } from '../selectors.ts';
import type { FieldError } from '../types.ts';

/** A selector, and a template whose pods it selects and which run for ever. */
export function validateWorkload(
  selector: LabelSelector | undefined,
  template: PodTemplateSpec | undefined,
  name = 'deployment',
): FieldError[] {
  const errors: FieldError[] = [];
  if (!selector) errors.push(required('spec.selector'));
  else {
    errors.push(...validateLabelSelector(selector, 'spec.selector'));
    if (isEmptySelector(selector)) {
      errors.push(invalid('spec.selector', selector, `empty selector is invalid for ${name}`));
    }
  }
  const labels = template?.metadata?.labels;
  if (errors.length === 0 && selector && !matchLabelSelector(selector)(labels)) {
    errors.push(
      invalid('spec.template.metadata.labels', labels ?? {}, '`selector` does not match template `labels`'),
    );
  }
  errors.push(...validatePodTemplate(template, 'spec.template'));
  const { restartPolicy, activeDeadlineSeconds } = template?.spec ?? {};
  if (restartPolicy && restartPolicy !== 'Always') {
    errors.push(unsupported('spec.template.spec.restartPolicy', restartPolicy, ['Always']));
  }
  if (activeDeadlineSeconds !== undefined) {
    errors.push(
      forbidden(
        'spec.template.spec.activeDeadlineSeconds',
        'activeDeadlineSeconds in ReplicaSet is not Supported',
      ),
    );
  }
  return errors;
}

/** Source: kubernetes `pkg/apis/apps/validation/validation.go`. */
export function validateDeployment({ spec }: Deployment): FieldError[] {
  if (!spec) return [required('spec.selector'), required('spec.template.spec.containers')];
  const errors = [
    ...nonNegative(spec.replicas, 'spec.replicas'),
    ...validateWorkload(spec.selector, spec.template),
    ...validateStrategy(spec.strategy ?? {}, 'spec.strategy'),
    ...nonNegative(spec.minReadySeconds, 'spec.minReadySeconds'),
    ...nonNegative(spec.revisionHistoryLimit, 'spec.revisionHistoryLimit'),
    ...nonNegative(spec.progressDeadlineSeconds, 'spec.progressDeadlineSeconds'),
  ];
  if (
    spec.progressDeadlineSeconds !== undefined &&
    spec.progressDeadlineSeconds <= (spec.minReadySeconds ?? 0)
  ) {
    errors.push(
      invalid(
        'spec.progressDeadlineSeconds',
        spec.progressDeadlineSeconds,
        'must be greater than minReadySeconds',
      ),
    );
  }
  return errors;
}

type RolloutStrategy = NonNullable<NonNullable<Deployment['spec']>['strategy']>;

function validateStrategy({ type, rollingUpdate }: RolloutStrategy, field: string): FieldError[] {
  const errors = oneOf(type, `${field}.type`, ['Recreate', 'RollingUpdate']);
  if (type === 'Recreate' && rollingUpdate) {
    errors.push(
      forbidden(`${field}.rollingUpdate`, "may not be specified when strategy `type` is 'Recreate'"),
    );
  }
  if (type !== 'RollingUpdate') return errors;
  if (!rollingUpdate)
    return [required(`${field}.rollingUpdate`, 'this should be defaulted and never be nil')];
  const { maxUnavailable, maxSurge } = rollingUpdate;
  const at = `${field}.rollingUpdate`;
  errors.push(...amount(maxUnavailable, `${at}.maxUnavailable`), ...amount(maxSurge, `${at}.maxSurge`));
  if (isZero(maxUnavailable) && isZero(maxSurge)) {
    errors.push(invalid(`${at}.maxUnavailable`, maxUnavailable, 'may not be 0 when `maxSurge` is 0'));
  }
  if (typeof maxUnavailable === 'string' && Number.parseInt(maxUnavailable, 10) > 100) {
    errors.push(invalid(`${at}.maxUnavailable`, maxUnavailable, 'must not be greater than 100%'));
  }
  return errors;
}

export function isZero(value: number | string | undefined): boolean {
  return value === undefined || value === 0 || value === '0%';
}

export function validateReplicaSet({ spec }: ReplicaSet): FieldError[] {
  if (!spec) return [required('spec.selector')];
  return [
    ...nonNegative(spec.replicas, 'spec.replicas'),
    ...nonNegative(spec.minReadySeconds, 'spec.minReadySeconds'),
    ...validateWorkload(spec.selector, spec.template),
  ];
}

type Selecting = Pick<KubeObject, 'metadata'> & { spec?: { selector?: unknown } };

export function validateSelectorUpdate(next: Selecting, old: Selecting): FieldError[] {
  return unchanged(next.spec?.selector, old.spec?.selector, 'spec.selector');
}
