import {
  ConfigMaps,
  CronJobs,
  DaemonSets,
  Deployments,
  EndpointSlices,
  IngressClasses,
  Ingresses,
  IPAddresses,
  Jobs,
  type KubeObject,
  Leases,
  Namespaces,
  Nodes,
  type OwnerReference,
  Plugins,
  Pods,
  ReplicaSets,
  type Resource,
  RuntimeClasses,
  Secrets,
  ServiceAccounts,
  Services,
  StatefulSets,
} from 'orlop/plugin';

/** All that may own or be owned. Events are left out: they end by themselves. */
export const RESOURCES: readonly Resource<KubeObject>[] = [
  Namespaces,
  Nodes,
  RuntimeClasses,
  IngressClasses,
  IPAddresses,
  Plugins,
  Deployments,
  StatefulSets,
  DaemonSets,
  CronJobs,
  Jobs,
  ReplicaSets,
  Services,
  EndpointSlices,
  Ingresses,
  ConfigMaps,
  Secrets,
  ServiceAccounts,
  Leases,
  Pods,
];

/** The resource an owner reference points into; versions of a group are the same objects. */
export function resourceOf({ apiVersion, kind }: OwnerReference): Resource<KubeObject> | undefined {
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
  return RESOURCES.find((resource) => resource.kind === kind && resource.group === group);
}
