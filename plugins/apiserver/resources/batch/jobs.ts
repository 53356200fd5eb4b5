import { randomUUID } from 'node:crypto';
import { type Job, matchLabelSelector } from 'orlop/plugin';
import { between, nonNegative, optionalOneOf, same, unchanged } from '../checks.ts';
import { invalid, required, unsupported } from '../errors.ts';
import { defaultPodTemplate } from '../pods/defaults.ts';
import { validatePodTemplate } from '../pods/validate.ts';
import { workloadWarnings } from '../pods/warnings.ts';
import { validateLabelSelector } from '../selectors.ts';
import type { FieldError, Strategy } from '../types.ts';

type JobSpec = NonNullable<Job['spec']>;

const PREFIX = 'batch.kubernetes.io/';
const MAX_INT32 = 2 ** 31 - 1;

/** Source: kubernetes `pkg/apis/batch/v1/defaults.go`. */
export function defaultJobSpec(spec: JobSpec | undefined): void {
  if (!spec) return;
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
  spec.parallelism ??= 1;
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : MAX_INT32;
  spec.completionMode ||= 'NonIndexed';
  spec.suspend ??= false;
  spec.podReplacementPolicy ||= spec.podFailurePolicy ? 'Failed' : 'TerminatingOrFailed';
  defaultPodTemplate(spec.template);
}

/** Source: kubernetes `pkg/registry/batch/job/strategy.go`. */
export const jobStrategy: Strategy<Job> = {
  default({ spec, metadata }) {
    defaultJobSpec(spec);
    if (!spec) return;
    spec.manualSelector ??= false;
    const labels = spec.template?.metadata?.labels;
    if (labels && metadata && Object.keys(metadata.labels ?? {}).length === 0)
      metadata.labels = { ...labels };
  },
  prepareForCreate(job) {
    if (job.spec && !job.spec.manualSelector) selectOwnPods(job, job.spec);
  },
  // A manifest that is applied again does not say what was generated.
  prepareForUpdate({ spec }, { spec: old }) {
    if (!spec || !old) return;
    spec.selector ??= old.selector;
    const generated = Object.entries(old.template?.metadata?.labels ?? {}).filter(([key]) =>
      isGenerated(key),
    );
    if (spec.template && generated.length > 0 && !old.manualSelector) {
      spec.template.metadata = {
        ...spec.template.metadata,
        labels: { ...Object.fromEntries(generated), ...spec.template.metadata?.labels },
      };
    }
  },
  validate: ({ spec }) => [...validateSelector(spec), ...validateJobSpec(spec, 'spec')],
  validateUpdate: validateJobUpdate,
  warnings: workloadWarnings,
};

function isGenerated(label: string): boolean {
  return label.startsWith(PREFIX) || label === 'controller-uid' || label === 'job-name';
}

/** Nobody else has the uid, so nobody else's pods are selected. */
function selectOwnPods({ metadata }: Job, spec: JobSpec): void {
  const uid = randomUUID();
  Object.assign(metadata!, { uid });
  const own = { [`${PREFIX}controller-uid`]: uid, 'controller-uid': uid };
  // Validation refuses a job without a name, after this.
  const { name = '' } = metadata ?? {};
  const names = { [`${PREFIX}job-name`]: name, 'job-name': name };
  spec.selector = { matchLabels: { [`${PREFIX}controller-uid`]: uid } };
  if (!spec.template) return;
  const before = spec.template.metadata?.labels ?? {};
  const labels = { ...before, ...own, ...names };
  spec.template.metadata = { ...spec.template.metadata, labels };
  // Labels that were the template's stay the template's.
  if (same(metadata!.labels ?? {}, before)) metadata!.labels = { ...labels };
}

function validateSelector(spec: Job['spec']): FieldError[] {
  const { selector, template } = spec ?? {};
  if (!selector) return [required('spec.selector')];
  const errors = validateLabelSelector(selector, 'spec.selector');
  const labels = template?.metadata?.labels;
  if (errors.length === 0 && !matchLabelSelector(selector)(labels)) {
    errors.push(
      invalid('spec.template.metadata.labels', labels ?? {}, '`selector` does not match template `labels`'),
    );
  }
  return errors;
}

/** Source: kubernetes `pkg/apis/batch/validation/validation.go`, validateJobSpec. */
export function validateJobSpec(spec: Job['spec'], field: string): FieldError[] {
  const errors = [
    ...nonNegative(spec?.parallelism, `${field}.parallelism`),
    ...nonNegative(spec?.completions, `${field}.completions`),
    ...nonNegative(spec?.activeDeadlineSeconds, `${field}.activeDeadlineSeconds`),
    ...nonNegative(spec?.backoffLimit, `${field}.backoffLimit`),
    ...nonNegative(spec?.ttlSecondsAfterFinished, `${field}.ttlSecondsAfterFinished`),
    ...nonNegative(spec?.backoffLimitPerIndex, `${field}.backoffLimitPerIndex`),
    ...nonNegative(spec?.maxFailedIndexes, `${field}.maxFailedIndexes`),
    ...optionalOneOf(spec?.completionMode, `${field}.completionMode`, ['Indexed', 'NonIndexed']),
    ...optionalOneOf(spec?.podReplacementPolicy, `${field}.podReplacementPolicy`, [
      'Failed',
      'TerminatingOrFailed',
    ]),
    ...validatePodTemplate(spec?.template, `${field}.template`),
  ];
  if (spec?.completionMode === 'Indexed') {
    if (spec.completions === undefined) {
      errors.push(required(`${field}.completions`, 'when completion mode is Indexed'));
    }
    errors.push(...between(spec.parallelism, `${field}.parallelism`, 0, 100_000));
  } else if (spec?.backoffLimitPerIndex !== undefined) {
    errors.push(
      invalid(`${field}.backoffLimitPerIndex`, spec.backoffLimitPerIndex, 'requires indexed completion mode'),
    );
  }
  const restartPolicy = spec?.template?.spec?.restartPolicy;
  const at = `${field}.template.spec.restartPolicy`;
  if (restartPolicy === 'Always') errors.push(required(at, 'valid values: "OnFailure", "Never"'));
  else if (restartPolicy && !['OnFailure', 'Never'].includes(restartPolicy)) {
    errors.push(unsupported(at, restartPolicy, ['OnFailure', 'Never']));
  }
  if (spec?.podFailurePolicy && restartPolicy !== 'Never') {
    errors.push(invalid(at, restartPolicy, 'only "Never" is supported when podFailurePolicy is specified'));
  }
  return errors;
}

function validateJobUpdate({ spec: next }: Job, { spec: old, status }: Job): FieldError[] {
  const elastic = next?.completionMode === 'Indexed' && next.completions === next.parallelism;
  const movable = old?.suspend === true && status?.startTime === undefined;
  return [
    ...(elastic ? [] : unchanged(next?.completions, old?.completions, 'spec.completions')),
    ...unchanged(next?.selector, old?.selector, 'spec.selector'),
    ...(movable && same(placed(next), placed(old))
      ? []
      : unchanged(next?.template, old?.template, 'spec.template')),
    ...unchanged(next?.completionMode, old?.completionMode, 'spec.completionMode'),
    ...unchanged(next?.podFailurePolicy, old?.podFailurePolicy, 'spec.podFailurePolicy'),
    ...unchanged(next?.backoffLimitPerIndex, old?.backoffLimitPerIndex, 'spec.backoffLimitPerIndex'),
  ];
}

/** The template without what decides where its pods go: that may change while the job has not started. */
function placed(spec: Job['spec']): object {
  const { metadata: _, spec: pod, ...rest } = spec?.template ?? {};
  const { affinity: _a, nodeSelector: _n, tolerations: _t, ...fixed } = pod ?? {};
  return { ...rest, spec: fixed };
}
