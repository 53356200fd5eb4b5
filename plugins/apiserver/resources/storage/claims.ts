import { type PersistentVolumeClaim, parseQuantity } from 'orlop/plugin';
import { each, oneOf, optionalName, same } from '../checks.ts';
import { forbidden, invalid, required } from '../errors.ts';
import type { FieldError, Strategy } from '../types.ts';
import { claimWarnings } from './warnings.ts';

export const ACCESS_MODES = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];
export const VOLUME_MODES = ['Block', 'Filesystem'];

type ClaimSpec = PersistentVolumeClaim['spec'];

export function defaultClaimSpec(spec: ClaimSpec): void {
  if (spec) spec.volumeMode ??= 'Filesystem';
}

/** Source: kubernetes `pkg/apis/core/validation/validation.go`, ValidatePersistentVolumeClaimSpec. */
export function validateClaimSpec(spec: ClaimSpec, field: string): FieldError[] {
  const modes = spec?.accessModes ?? [];
  return [
    ...validateAccessModes(modes, field),
    ...validateStorage(spec?.resources?.requests?.['storage'], `${field}.resources[storage]`),
    ...optionalName(spec?.storageClassName, `${field}.storageClassName`),
    ...oneOf(spec?.volumeMode, `${field}.volumeMode`, VOLUME_MODES),
    ...optionalName(spec?.volumeAttributesClassName, `${field}.volumeAttributesClassName`),
  ];
}

export function validateAccessModes(modes: readonly string[], field: string): FieldError[] {
  if (modes.length === 0) return [required(`${field}.accessModes`, 'at least 1 access mode is required')];
  const errors = each(modes, `${field}.accessModes`, (mode) =>
    oneOf(mode, `${field}.accessModes`, ACCESS_MODES),
  );
  if (modes.includes('ReadWriteOncePod') && modes.length > 1) {
    errors.push(forbidden(`${field}.accessModes`, 'may not use ReadWriteOncePod with other access modes'));
  }
  return errors;
}

export function validateStorage(quantity: string | undefined, field: string): FieldError[] {
  if (quantity === undefined) return [required(field)];
  return (parseQuantity(quantity) ?? 0) > 0 ? [] : [invalid(field, quantity, 'must be greater than zero')];
}

export const claimStrategy: Strategy<PersistentVolumeClaim> = {
  default: ({ spec }) => defaultClaimSpec(spec),
  prepareForCreate(claim) {
    Object.assign(claim, { status: { phase: 'Pending' } });
  },
  validate: ({ spec }) => validateClaimSpec(spec, 'spec'),
  warnings: claimWarnings,
  validateUpdate(next, old) {
    const errors = same(fixedPart(next, old), fixedPart(old, old))
      ? []
      : [
          forbidden(
            'spec',
            'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims',
          ),
        ];
    if (storageOf(next) < storageOf(old)) {
      errors.push(forbidden('spec.resources.requests.storage', 'field can not be less than status.capacity'));
    }
    return errors;
  },
};

function storageOf({ spec }: PersistentVolumeClaim): number {
  return parseQuantity(spec?.resources?.requests?.['storage'] ?? '0') ?? 0;
}

/** A binder sets the volume's name once; only a bound claim may grow. */
function fixedPart({ spec }: PersistentVolumeClaim, old: PersistentVolumeClaim): object {
  const { volumeName, volumeAttributesClassName, resources, ...rest } = spec ?? {};
  const bound = old.status?.phase === 'Bound';
  return {
    ...rest,
    ...(old.spec?.volumeName ? { volumeName } : {}),
    ...(bound ? {} : { volumeAttributesClassName }),
    resources: bound ? { ...resources, requests: {} } : resources,
  };
}
