import type { PersistentVolume, PersistentVolumeClaim } from 'orlop/plugin';
import { labelsOfTerm } from '../nodes/labels.ts';
import { fraction } from '../pods/warnings.ts';

const CLASS = 'volume.beta.kubernetes.io/storage-class';
const OPTIONS = 'volume.beta.kubernetes.io/mount-options';

/** Source of all: kubernetes `pkg/api/persistentvolume/util.go` and `pkg/api/persistentvolumeclaim/util.go`. */
export function claimWarnings({ metadata, spec }: PersistentVolumeClaim): string[] {
  const field = (list: string): string => `spec.resources.${list}[storage]`;
  return [
    ...annotation(metadata, CLASS, 'deprecated since v1.8; use "storageClassName" attribute instead'),
    ...fraction(spec?.resources?.limits?.['storage'], field('limits')),
    ...fraction(spec?.resources?.requests?.['storage'], field('requests')),
  ];
}

const DEPRECATED: Readonly<Record<string, string>> = {
  photonPersistentDisk: 'deprecated in v1.11, non-functional in v1.16+',
  scaleIO: 'deprecated in v1.16, non-functional in v1.22+',
  storageos: 'deprecated in v1.22, non-functional in v1.25+',
  flocker: 'deprecated in v1.22, non-functional in v1.25+',
  quobyte: 'deprecated in v1.22, non-functional in v1.25+',
  glusterfs: 'deprecated in v1.25, non-functional in v1.26+',
  cephfs: 'deprecated in v1.28, non-functional in v1.31+',
  rbd: 'deprecated in v1.28, non-functional in v1.31+',
};

export function volumeWarnings({ metadata, spec }: PersistentVolume): string[] {
  return [
    ...annotation(metadata, CLASS, 'deprecated since v1.8; use "storageClassName" attribute instead'),
    ...annotation(metadata, OPTIONS, 'deprecated since v1.31; use "mountOptions" attribute instead'),
    ...(spec?.persistentVolumeReclaimPolicy === 'Recycle'
      ? [
          'spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.',
        ]
      : []),
    ...(spec?.nodeAffinity?.required?.nodeSelectorTerms ?? []).flatMap((term, i) =>
      labelsOfTerm(term, `spec.nodeAffinity.required.nodeSelectorTerms[${i}]`),
    ),
    ...Object.entries(DEPRECATED).flatMap(([source, message]) =>
      spec && source in spec ? [`spec.${source}: ${message}`] : [],
    ),
  ];
}

function annotation(metadata: PersistentVolume['metadata'], key: string, message: string): string[] {
  return metadata?.annotations?.[key] === undefined ? [] : [`metadata.annotations[${key}]: ${message}`];
}
