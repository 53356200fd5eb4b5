import type { ControllerRevision, DaemonSet, StatefulSet } from 'orlop/plugin';
import {
  amount,
  each,
  nonNegative,
  oneOf,
  optionalName,
  optionalOneOf,
  unchanged,
  unchangedBut,
} from '../checks.ts';
import { invalid, required } from '../errors.ts';
import { dns1123Label } from '../names.ts';
import { defaultPodTemplate } from '../pods/defaults.ts';
import { workloadWarnings } from '../pods/warnings.ts';
import { defaultClaimSpec, validateClaimSpec } from '../storage/claims.ts';
import type { FieldError, Strategy } from '../types.ts';
import { isZero, validateSelectorUpdate, validateWorkload } from './validate.ts';

const KEPT = ['Delete', 'Retain'];

/** Source: kubernetes `pkg/apis/apps/v1/defaults.go` and `pkg/apis/apps/validation/validation.go`, StatefulSet. */
export const statefulSetStrategy: Strategy<StatefulSet> = {
  // Names of pods are made of it, with an ordinal.
  validateName: dns1123Label,
  default({ spec }) {
    if (!spec) return;
    spec.replicas ??= 1;
    spec.podManagementPolicy ||= 'OrderedReady';
    spec.updateStrategy ??= {};
    spec.updateStrategy.type ||= 'RollingUpdate';
    if (spec.updateStrategy.type === 'RollingUpdate') {
      spec.updateStrategy.rollingUpdate ??= {};
      spec.updateStrategy.rollingUpdate.partition ??= 0;
    }
    spec.persistentVolumeClaimRetentionPolicy ??= {};
    spec.persistentVolumeClaimRetentionPolicy.whenDeleted ||= 'Retain';
    spec.persistentVolumeClaimRetentionPolicy.whenScaled ||= 'Retain';
    spec.revisionHistoryLimit ??= 10;
    defaultPodTemplate(spec.template);
    for (const claim of spec.volumeClaimTemplates ?? []) {
      claim.apiVersion ??= 'v1';
      claim.kind ??= 'PersistentVolumeClaim';
      defaultClaimSpec(claim.spec);
      Object.assign(claim, { status: { phase: 'Pending', ...claim.status } });
    }
  },
  validate: validateStatefulSet,
  warnings: (next, old) => [...workloadWarnings(next, old), ...historyWarning(next, old)],
  validateUpdate: (next, old) =>
    unchangedBut(
      next.spec,
      old.spec,
      [
        'replicas',
        'template',
        'updateStrategy',
        'revisionHistoryLimit',
        'persistentVolumeClaimRetentionPolicy',
        'minReadySeconds',
        'ordinals',
      ],
      "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
    ),
};

function validateStatefulSet({ spec }: StatefulSet): FieldError[] {
  const { updateStrategy, persistentVolumeClaimRetentionPolicy: kept, ordinals } = spec ?? {};
  const { type, rollingUpdate } = updateStrategy ?? {};
  const at = 'spec.updateStrategy';
  return [
    ...oneOf(spec?.podManagementPolicy, 'spec.podManagementPolicy', ['OrderedReady', 'Parallel']),
    ...oneOf(type, `${at}.type`, ['OnDelete', 'RollingUpdate']),
    ...(type === 'OnDelete' && rollingUpdate
      ? [invalid(`${at}.rollingUpdate`, rollingUpdate, "only allowed for updateStrategy 'RollingUpdate'")]
      : []),
    ...nonNegative(rollingUpdate?.partition, `${at}.rollingUpdate.partition`),
    ...amount(rollingUpdate?.maxUnavailable, `${at}.rollingUpdate.maxUnavailable`),
    ...optionalOneOf(kept?.whenDeleted, 'spec.persistentVolumeClaimRetentionPolicy.whenDeleted', KEPT),
    ...optionalOneOf(kept?.whenScaled, 'spec.persistentVolumeClaimRetentionPolicy.whenScaled', KEPT),
    ...nonNegative(spec?.replicas, 'spec.replicas'),
    ...nonNegative(spec?.minReadySeconds, 'spec.minReadySeconds'),
    ...nonNegative(spec?.revisionHistoryLimit, 'spec.revisionHistoryLimit'),
    ...nonNegative(ordinals?.start, 'spec.ordinals.start'),
    ...optionalName(spec?.serviceName, 'spec.serviceName'),
    ...each(spec?.volumeClaimTemplates, 'spec.volumeClaimTemplates', (claim, claimAt) =>
      validateClaimSpec(claim.spec, `${claimAt}.spec`),
    ),
    ...validateWorkload(spec?.selector, withClaims(spec), 'statefulset'),
  ];
}

/** Containers mount claims by the names of their templates. */
function withClaims(spec: StatefulSet['spec']): NonNullable<StatefulSet['spec']>['template'] | undefined {
  const { template, volumeClaimTemplates = [] } = spec ?? {};
  if (!template?.spec || volumeClaimTemplates.length === 0) return template;
  const own = template.spec.volumes ?? [];
  const names = volumeClaimTemplates.map(({ metadata }) => metadata?.name ?? '');
  const claimed = names.filter((name) => name && !own.some((volume) => volume.name === name));
  const volumes = [...own, ...claimed.map((name) => ({ name, emptyDir: {} }))];
  return { ...template, spec: { ...template.spec, volumes } };
}

function historyWarning({ spec }: StatefulSet, old?: StatefulSet): string[] {
  return (spec?.revisionHistoryLimit ?? 0) < 0 &&
    spec?.revisionHistoryLimit !== old?.spec?.revisionHistoryLimit
    ? [
        'spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended',
      ]
    : [];
}

/** Source: as above, DaemonSet. */
export const daemonSetStrategy: Strategy<DaemonSet> = {
  default({ spec }) {
    if (!spec) return;
    spec.updateStrategy ??= {};
    spec.updateStrategy.type ||= 'RollingUpdate';
    if (spec.updateStrategy.type === 'RollingUpdate') {
      spec.updateStrategy.rollingUpdate ??= {};
      spec.updateStrategy.rollingUpdate.maxUnavailable ??= 1;
      spec.updateStrategy.rollingUpdate.maxSurge ??= 0;
    }
    spec.revisionHistoryLimit ??= 10;
    defaultPodTemplate(spec.template);
  },
  validate: validateDaemonSet,
  warnings: workloadWarnings,
  validateUpdate: validateSelectorUpdate,
};

function validateDaemonSet({ spec }: DaemonSet): FieldError[] {
  const { type, rollingUpdate } = spec?.updateStrategy ?? {};
  const at = 'spec.updateStrategy';
  const { maxUnavailable, maxSurge } = rollingUpdate ?? {};
  const errors = [
    ...validateWorkload(spec?.selector, spec?.template, 'daemonset'),
    ...nonNegative(spec?.minReadySeconds, 'spec.minReadySeconds'),
    ...oneOf(type, `${at}.type`, ['OnDelete', 'RollingUpdate']),
    ...amount(maxUnavailable, `${at}.rollingUpdate.maxUnavailable`),
    ...amount(maxSurge, `${at}.rollingUpdate.maxSurge`),
    ...nonNegative(spec?.revisionHistoryLimit, 'spec.revisionHistoryLimit'),
  ];
  if (type !== 'RollingUpdate') return errors;
  if (isZero(maxUnavailable) && isZero(maxSurge)) {
    errors.push(
      invalid(`${at}.rollingUpdate.maxUnavailable`, maxUnavailable, 'cannot be 0 when maxSurge is 0'),
    );
  } else if (!isZero(maxUnavailable) && !isZero(maxSurge)) {
    errors.push(
      invalid(`${at}.rollingUpdate.maxSurge`, maxSurge, 'may not be set when maxUnavailable is non-zero'),
    );
  }
  return errors;
}

export const controllerRevisionStrategy: Strategy<ControllerRevision> = {
  validate: ({ data, revision }) => [
    ...(data === undefined || data === null ? [required('data', 'data is mandatory')] : []),
    ...nonNegative(revision, 'revision'),
  ],
  validateUpdate: (next, old) => unchanged(next.data, old.data, 'data'),
};
