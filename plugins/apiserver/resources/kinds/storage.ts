import {
  type CSIDriver,
  CSIDrivers,
  type CSINode,
  CSINodes,
  CSIStorageCapacities,
  type CSIStorageCapacity,
  type PersistentVolume,
  type PersistentVolumeClaim,
  PersistentVolumeClaims,
  PersistentVolumes,
  type StorageClass,
  StorageClasses,
  type VolumeAttachment,
  VolumeAttachments,
  type VolumeAttributesClass,
  VolumeAttributesClasses,
} from 'orlop/plugin';
import {
  claimColumns,
  csiDriverColumns,
  csiNodeColumns,
  csiStorageCapacityColumns,
  storageClassColumns,
  volumeAttachmentColumns,
  volumeAttributesClassColumns,
  volumeColumns,
} from '../../printing/storage.ts';
import { row } from '../row.ts';
import { claimStrategy } from '../storage/claims.ts';
import {
  csiDriverStrategy,
  csiNodeStrategy,
  csiStorageCapacityStrategy,
  storageClassStrategy,
  volumeAttachmentStrategy,
  volumeAttributesClassStrategy,
} from '../storage/classes.ts';
import { volumeStrategy } from '../storage/volumes.ts';
import type { ResourceRow } from '../types.ts';

export const storageRows: readonly ResourceRow[] = [
  row<PersistentVolume>(PersistentVolumes, {
    shortNames: ['pv'],
    subresources: ['status'],
    strategy: volumeStrategy,
    columns: volumeColumns,
  }),
  row<PersistentVolumeClaim>(PersistentVolumeClaims, {
    shortNames: ['pvc'],
    subresources: ['status'],
    strategy: claimStrategy,
    columns: claimColumns,
  }),
  row<StorageClass>(StorageClasses, {
    shortNames: ['sc'],
    strategy: storageClassStrategy,
    columns: storageClassColumns,
  }),
  row<VolumeAttributesClass>(VolumeAttributesClasses, {
    shortNames: ['vac'],
    strategy: volumeAttributesClassStrategy,
    columns: volumeAttributesClassColumns,
  }),
  row<VolumeAttachment>(VolumeAttachments, {
    subresources: ['status'],
    strategy: volumeAttachmentStrategy,
    columns: volumeAttachmentColumns,
  }),
  row<CSIDriver>(CSIDrivers, { strategy: csiDriverStrategy, columns: csiDriverColumns }),
  row<CSINode>(CSINodes, { strategy: csiNodeStrategy, columns: csiNodeColumns }),
  row<CSIStorageCapacity>(CSIStorageCapacities, {
    strategy: csiStorageCapacityStrategy,
    columns: csiStorageCapacityColumns,
  }),
];
