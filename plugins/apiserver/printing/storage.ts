import type {
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  PersistentVolume,
  PersistentVolumeClaim,
  StorageClass,
  VolumeAttachment,
  VolumeAttributesClass,
} from 'orlop/plugin';
import { ageColumn, column, nameColumn } from '../resources/row.ts';
import type { Column } from '../resources/types.ts';

const UNSET = '<unset>';
const MODES: Readonly<Record<string, string>> = {
  ReadWriteOnce: 'RWO',
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOncePod: 'RWOP',
};

function accessModes(modes: readonly string[] | undefined): string {
  const given = new Set(modes);
  const known = Object.entries(MODES).filter(([mode]) => given.has(mode));
  return known.map(([, short]) => short).join(',');
}

/** Source of all: kubernetes `printers/internalversion/printers.go`. */
export const volumeColumns: readonly Column<PersistentVolume>[] = [
  column('Capacity', ({ spec }) => spec?.capacity?.['storage'] ?? '0'),
  column('Access Modes', ({ spec }) => accessModes(spec?.accessModes)),
  column('Reclaim Policy', ({ spec }) => spec?.persistentVolumeReclaimPolicy ?? ''),
  column('Status', ({ metadata, status }) =>
    metadata?.deletionTimestamp === undefined ? (status?.phase ?? '') : 'Terminating',
  ),
  column('Claim', ({ spec }) => {
    const { namespace, name } = spec?.claimRef ?? {};
    return name === undefined ? '' : `${namespace}/${name}`;
  }),
  column('StorageClass', ({ spec }) => spec?.storageClassName ?? ''),
  column('VolumeAttributesClass', ({ spec }) => spec?.volumeAttributesClassName ?? UNSET),
  column('Reason', ({ status }) => status?.reason ?? ''),
  column('VolumeMode', ({ spec }) => spec?.volumeMode ?? UNSET, { wide: true }),
];

const CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class';

export const claimColumns: readonly Column<PersistentVolumeClaim>[] = [
  column('Status', ({ metadata, status }) =>
    metadata?.deletionTimestamp === undefined ? (status?.phase ?? '') : 'Terminating',
  ),
  column('Volume', ({ spec }) => spec?.volumeName ?? ''),
  column('Capacity', ({ spec, status }) => (spec?.volumeName ? (status?.capacity?.['storage'] ?? '0') : '')),
  column('Access Modes', ({ spec, status }) => (spec?.volumeName ? accessModes(status?.accessModes) : '')),
  column(
    'StorageClass',
    ({ metadata, spec }) => metadata?.annotations?.[CLASS_ANNOTATION] ?? spec?.storageClassName ?? '',
  ),
  column('VolumeAttributesClass', ({ spec }) => spec?.volumeAttributesClassName ?? UNSET),
  column('VolumeMode', ({ spec }) => spec?.volumeMode ?? UNSET, { wide: true }),
];

const DEFAULT_CLASS = [
  'storageclass.kubernetes.io/is-default-class',
  'storageclass.beta.kubernetes.io/is-default-class',
];

export const storageClassColumns: readonly Column<StorageClass>[] = [
  {
    ...nameColumn,
    value: ({ metadata }) => {
      const isDefault = DEFAULT_CLASS.some((key) => metadata?.annotations?.[key] === 'true');
      return `${metadata?.name ?? ''}${isDefault ? ' (default)' : ''}`;
    },
  },
  column('Provisioner', ({ provisioner }) => provisioner ?? ''),
  column('ReclaimPolicy', ({ reclaimPolicy }) => reclaimPolicy ?? 'Delete'),
  column('VolumeBindingMode', ({ volumeBindingMode }) => volumeBindingMode ?? 'Immediate'),
  column('AllowVolumeExpansion', ({ allowVolumeExpansion }) => String(allowVolumeExpansion ?? false)),
  ageColumn,
];

export const volumeAttributesClassColumns: readonly Column<VolumeAttributesClass>[] = [
  column('DriverName', ({ driverName }) => driverName ?? ''),
];

export const volumeAttachmentColumns: readonly Column<VolumeAttachment>[] = [
  column('Attacher', ({ spec }) => spec?.attacher ?? ''),
  column('PV', ({ spec }) => spec?.source?.persistentVolumeName ?? ''),
  column('Node', ({ spec }) => spec?.nodeName ?? ''),
  column('Attached', ({ status }) => String(status?.attached ?? false)),
];

export const csiDriverColumns: readonly Column<CSIDriver>[] = [
  column('AttachRequired', ({ spec }) => String(spec?.attachRequired ?? true)),
  column('PodInfoOnMount', ({ spec }) => String(spec?.podInfoOnMount ?? false)),
  column('StorageCapacity', ({ spec }) => String(spec?.storageCapacity ?? false)),
  column(
    'TokenRequests',
    ({ spec }) => (spec?.tokenRequests ?? []).map(({ audience }) => audience).join(',') || UNSET,
  ),
  column('RequiresRepublish', ({ spec }) => String(spec?.requiresRepublish ?? false)),
  column('Modes', ({ spec }) => (spec?.volumeLifecycleModes ?? []).join(',') || '<none>'),
];

export const csiNodeColumns: readonly Column<CSINode>[] = [
  column('Drivers', ({ spec }) => spec?.drivers?.length ?? 0, { type: 'integer' }),
];

export const csiStorageCapacityColumns: readonly Column<CSIStorageCapacity>[] = [
  column('StorageClassName', ({ storageClassName }) => storageClassName ?? ''),
  column('Capacity', ({ capacity }) => capacity ?? UNSET),
];
