import type { PersistentVolume } from 'orlop/plugin';
import { oneOf, optionalName, same, unchanged } from '../checks.ts';
import { forbidden, required } from '../errors.ts';
import type { FieldError, Strategy } from '../types.ts';
import { VOLUME_MODES, validateAccessModes, validateStorage } from './claims.ts';
import { volumeWarnings } from './warnings.ts';

type Spec = NonNullable<PersistentVolume['spec']>;

/** All other fields of the spec are sources: what kind of volume it is. */
const NOT_SOURCES = new Set<string>([
  'accessModes',
  'capacity',
  'claimRef',
  'mountOptions',
  'nodeAffinity',
  'persistentVolumeReclaimPolicy',
  'storageClassName',
  'volumeAttributesClassName',
  'volumeMode',
]);

function sourcesOf(spec: Spec | undefined): [string, unknown][] {
  return Object.entries(spec ?? {}).filter(([name, value]) => !NOT_SOURCES.has(name) && value !== undefined);
}

/** Source: kubernetes `pkg/apis/core/validation/validation.go`, ValidatePersistentVolume. */
export const volumeStrategy: Strategy<PersistentVolume> = {
  default({ spec }) {
    if (!spec) return;
    spec.persistentVolumeReclaimPolicy ||= 'Retain';
    spec.volumeMode ??= 'Filesystem';
    if (spec.hostPath) spec.hostPath.type ??= '';
  },
  prepareForCreate(volume) {
    Object.assign(volume, { status: { phase: 'Pending' } });
  },
  validate: validateVolume,
  warnings: volumeWarnings,
  validateUpdate: (next, old) => [
    ...(same(sourcesOf(next.spec), sourcesOf(old.spec))
      ? []
      : [
          forbidden('spec.persistentvolumesource', 'spec.persistentvolumesource is immutable after creation'),
        ]),
    ...unchanged(next.spec?.volumeMode, old.spec?.volumeMode, 'spec.volumeMode'),
  ],
};

function validateVolume({ spec }: PersistentVolume): FieldError[] {
  const sources = sourcesOf(spec);
  return [
    ...validateAccessModes(spec?.accessModes ?? [], 'spec'),
    ...(Object.keys(spec?.capacity ?? {}).length === 0
      ? [required('spec.capacity')]
      : Object.keys(spec?.capacity ?? {}).flatMap((name) => oneOf(name, 'spec.capacity', ['storage']))),
    ...(spec?.capacity?.['storage'] === undefined
      ? []
      : validateStorage(spec.capacity['storage'], 'spec.capacity[storage]')),
    ...oneOf(spec?.persistentVolumeReclaimPolicy, 'spec.persistentVolumeReclaimPolicy', [
      'Delete',
      'Recycle',
      'Retain',
    ]),
    ...(sources.length === 0 ? [required('spec', 'must specify a volume type')] : []),
    ...sources.slice(1).map(([name]) => forbidden(`spec.${name}`, 'may not specify more than 1 volume type')),
    ...(spec?.hostPath?.path === '/' && spec.persistentVolumeReclaimPolicy === 'Recycle'
      ? [forbidden('spec.persistentVolumeReclaimPolicy', "may not be 'recycle' for a hostPath mount of '/'")]
      : []),
    ...optionalName(spec?.storageClassName, 'spec.storageClassName'),
    ...oneOf(spec?.volumeMode, 'spec.volumeMode', VOLUME_MODES),
  ];
}
