import type {
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  StorageClass,
  VolumeAttachment,
  VolumeAttributesClass,
} from 'orlop/plugin';
import { each, optionalOneOf, requiredName, unchanged, unique } from '../checks.ts';
import { forbidden, invalid, required } from '../errors.ts';
import { dns1123Subdomain, qualifiedName } from '../names.ts';
import type { FieldError, Strategy } from '../types.ts';

/** Source of all: kubernetes `pkg/apis/storage/validation/validation.go` and `pkg/apis/storage/v1/defaults.go`. */

export const storageClassStrategy: Strategy<StorageClass> = {
  default(storageClass) {
    storageClass.reclaimPolicy ??= 'Delete';
    storageClass.volumeBindingMode ??= 'Immediate';
  },
  validate: ({ provisioner, reclaimPolicy, volumeBindingMode, parameters }) => [
    ...requiredName(provisioner, 'provisioner', (name) => qualifiedName(name.toLowerCase())),
    ...validateParameters(parameters),
    ...optionalOneOf(reclaimPolicy, 'reclaimPolicy', ['Delete', 'Retain']),
    ...optionalOneOf(volumeBindingMode, 'volumeBindingMode', ['Immediate', 'WaitForFirstConsumer']),
  ],
  validateUpdate: (next, old) => [
    ...forbidChange(next, old, 'parameters'),
    ...forbidChange(next, old, 'provisioner'),
    ...forbidChange(next, old, 'reclaimPolicy'),
    ...unchanged(next.volumeBindingMode, old.volumeBindingMode, 'volumeBindingMode'),
  ],
};

function validateParameters(parameters: Record<string, string> | undefined): FieldError[] {
  return Object.keys(parameters ?? {}).some((key) => key === '')
    ? [invalid('parameters', '', 'field can not be empty.')]
    : [];
}

function forbidChange<T extends object>(next: T, old: T, field: keyof T & string): FieldError[] {
  const changed = unchanged(next[field], old[field], field).length > 0;
  return changed ? [forbidden(field, `updates to ${field} are forbidden.`)] : [];
}

export const volumeAttributesClassStrategy: Strategy<VolumeAttributesClass> = {
  validate: ({ driverName, parameters }) => [
    ...requiredName(driverName, 'driverName', driverNameCheck),
    ...(Object.keys(parameters ?? {}).length === 0
      ? [required('parameters', 'must contain at least one key/value pair')]
      : validateParameters(parameters)),
  ],
  validateUpdate: (next, old) => [
    ...forbidChange(next, old, 'driverName'),
    ...forbidChange(next, old, 'parameters'),
  ],
};

function driverNameCheck(name: string): string[] {
  return [
    ...(name.length > 63 ? ['must be no more than 63 characters'] : []),
    ...dns1123Subdomain(name.toLowerCase()),
  ];
}

export const volumeAttachmentStrategy: Strategy<VolumeAttachment> = {
  validate({ spec }) {
    const { persistentVolumeName, inlineVolumeSpec } = spec?.source ?? {};
    const errors = [
      ...requiredName(spec?.attacher, 'spec.attacher', driverNameCheck),
      ...requiredName(spec?.nodeName, 'spec.nodeName', dns1123Subdomain),
    ];
    if (!persistentVolumeName && !inlineVolumeSpec) {
      errors.push(
        required('spec.source', 'must specify exactly one of inlineVolumeSpec and persistentVolumeName'),
      );
    } else if (persistentVolumeName && inlineVolumeSpec) {
      errors.push(
        forbidden('spec.source', 'must specify exactly one of inlineVolumeSpec and persistentVolumeName'),
      );
    }
    return errors;
  },
  validateUpdate: (next, old) => unchanged(next.spec, old.spec, 'spec'),
};

const LIFECYCLES = ['Ephemeral', 'Persistent'];
const FS_GROUP_POLICIES = ['File', 'None', 'ReadWriteOnceWithFSType'];

export const csiDriverStrategy: Strategy<CSIDriver> = {
  validateName: driverNameCheck,
  default(driver) {
    driver.spec ??= {};
    const { spec } = driver;
    spec.attachRequired ??= true;
    spec.podInfoOnMount ??= false;
    spec.storageCapacity ??= false;
    spec.fsGroupPolicy ??= 'ReadWriteOnceWithFSType';
    if ((spec.volumeLifecycleModes ?? []).length === 0) spec.volumeLifecycleModes = ['Persistent'];
    spec.requiresRepublish ??= false;
    spec.seLinuxMount ??= false;
  },
  validate: ({ spec }) => [
    ...each(spec?.volumeLifecycleModes, 'spec.volumeLifecycleModes', (mode) =>
      optionalOneOf(mode, 'spec.volumeLifecycleModes', LIFECYCLES),
    ),
    ...optionalOneOf(spec?.fsGroupPolicy, 'spec.fsGroupPolicy', FS_GROUP_POLICIES),
    ...each(
      spec?.tokenRequests,
      'spec.tokenRequests',
      unique(({ audience }) => audience),
    ),
  ],
  validateUpdate: (next, old) => [
    ...unchanged(next.spec?.attachRequired, old.spec?.attachRequired, 'spec.attachedRequired'),
    ...unchanged(
      next.spec?.volumeLifecycleModes,
      old.spec?.volumeLifecycleModes,
      'spec.volumeLifecycleModes',
    ),
  ],
};

export const csiNodeStrategy: Strategy<CSINode> = {
  validate({ spec }) {
    const twice = unique(({ name }: { name: string }) => name);
    return each(spec?.drivers, 'spec.drivers', (driver, at) => [
      ...requiredName(driver.name, `${at}.name`, driverNameCheck),
      ...twice(driver, `${at}.name`),
      ...requiredName(driver.nodeID, `${at}.nodeID`),
      ...each(driver.topologyKeys, `${at}.topologyKeys`, (key, keyAt) =>
        requiredName(key, keyAt, qualifiedName),
      ),
    ]);
  },
};

export const csiStorageCapacityStrategy: Strategy<CSIStorageCapacity> = {
  validate: ({ storageClassName }) => requiredName(storageClassName, 'storageClassName', dns1123Subdomain),
  validateUpdate: (next, old) => [
    ...unchanged(next.nodeTopology, old.nodeTopology, 'nodeTopology'),
    ...unchanged(next.storageClassName, old.storageClassName, 'storageClassName'),
  ],
};
