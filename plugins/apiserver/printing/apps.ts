import type {
  ControllerRevision,
  DaemonSet,
  Deployment,
  LabelSelector,
  PodTemplate,
  PodTemplateSpec,
  ReplicaSet,
  ReplicationController,
  StatefulSet,
} from 'orlop/plugin';
import { column } from '../resources/row.ts';
import type { Column } from '../resources/types.ts';
import { containerColumns, labelText, selectorText } from './text.ts';

/** Containers and images of a template; `-o wide` as a rule. Source of all: kubernetes `printers/internalversion/printers.go`. */
export function imageColumns<T>(
  template: (object: T) => PodTemplateSpec | undefined,
  options: { wide: boolean } = { wide: true },
): Column<T>[] {
  return [
    column('Containers', (object) => containerColumns(template(object)?.spec?.containers).names, options),
    column('Images', (object) => containerColumns(template(object)?.spec?.containers).images, options),
  ];
}

type Workload = { spec?: { template?: PodTemplateSpec; selector?: LabelSelector } };

export function templateColumns<T extends Workload>(): Column<T>[] {
  return [
    ...imageColumns<T>(({ spec }) => spec?.template),
    column('Selector', ({ spec }) => selectorText(spec?.selector), { wide: true }),
  ];
}

const INTEGER = { type: 'integer' } as const;

export const deploymentColumns: readonly Column<Deployment>[] = [
  column('Ready', ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`, {
    description: 'Number of the pod with ready state',
  }),
  column('Up-to-date', ({ status }) => String(status?.updatedReplicas ?? 0)),
  column('Available', ({ status }) => String(status?.availableReplicas ?? 0)),
  ...templateColumns<Deployment>(),
];

function replicaColumns<T extends ReplicaSet | ReplicationController>(): Column<T>[] {
  return [
    column('Desired', ({ spec }) => spec?.replicas ?? 0, INTEGER),
    column('Current', ({ status }) => status?.replicas ?? 0, INTEGER),
    column('Ready', ({ status }) => status?.readyReplicas ?? 0, INTEGER),
  ];
}

export const replicaSetColumns: readonly Column<ReplicaSet>[] = [
  ...replicaColumns<ReplicaSet>(),
  ...templateColumns<ReplicaSet>(),
];

export const replicationControllerColumns: readonly Column<ReplicationController>[] = [
  ...replicaColumns<ReplicationController>(),
  ...imageColumns<ReplicationController>(({ spec }) => spec?.template),
  column('Selector', ({ spec }) => labelText(spec?.selector), { wide: true }),
];

export const statefulSetColumns: readonly Column<StatefulSet>[] = [
  column('Ready', ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`, {
    description: 'Number of the pod with ready state',
  }),
  ...imageColumns<StatefulSet>(({ spec }) => spec?.template),
];

export const daemonSetColumns: readonly Column<DaemonSet>[] = [
  column('Desired', ({ status }) => status?.desiredNumberScheduled ?? 0, INTEGER),
  column('Current', ({ status }) => status?.currentNumberScheduled ?? 0, INTEGER),
  column('Ready', ({ status }) => status?.numberReady ?? 0, INTEGER),
  column('Up-to-date', ({ status }) => status?.updatedNumberScheduled ?? 0, INTEGER),
  column('Available', ({ status }) => status?.numberAvailable ?? 0, INTEGER),
  column('Node Selector', ({ spec }) => labelText(spec?.template?.spec?.nodeSelector)),
  ...templateColumns<DaemonSet>(),
];

export const controllerRevisionColumns: readonly Column<ControllerRevision>[] = [
  column('Controller', ({ metadata }) => {
    const owner = metadata?.ownerReferences?.find(({ controller }) => controller);
    if (!owner) return '<none>';
    const { apiVersion = '', kind = '', name } = owner;
    const group = apiVersion.includes('/') ? `.${apiVersion.split('/')[0]}` : '';
    return `${kind.toLowerCase()}${group}/${name}`;
  }),
  column('Revision', ({ revision }) => revision ?? 0, INTEGER),
];

export const podTemplateColumns: readonly Column<PodTemplate>[] = [
  ...imageColumns<PodTemplate>(({ template }) => template, { wide: false }),
  column('Pod Labels', ({ template }) => labelText(template?.metadata?.labels)),
];
