import type { Resource } from '../objects.ts';
import type {
  ConfigMap,
  CronJob,
  DaemonSet,
  Deployment,
  EndpointSlice,
  Event,
  Ingress,
  IngressClass,
  Job,
  Lease,
  Namespace,
  Node,
  Pod,
  ReplicaSet,
  RuntimeClass,
  Secret,
  Service,
  ServiceAccount,
  StatefulSet,
} from './kubernetes.ts';
import type { KubeObject } from './object.ts';
import type { PluginObject } from './plugins.ts';

function resource<T extends KubeObject>(
  apiVersion: string,
  kind: string,
  plural: string,
  scope: 'Namespaced' | 'Cluster' = 'Namespaced',
): Resource<T> {
  const slash = apiVersion.indexOf('/');
  return Object.freeze({
    group: slash < 0 ? '' : apiVersion.slice(0, slash),
    version: apiVersion.slice(slash + 1),
    resource: plural,
    kind,
    namespaced: scope === 'Namespaced',
  });
}

/** Of networking.k8s.io/v1: reserves one Service address; named by the address. */
export interface IPAddress extends KubeObject {
  spec: { parentRef: { group: string; resource: string; namespace: string; name: string } };
}

export const Namespaces = resource<Namespace>('v1', 'Namespace', 'namespaces', 'Cluster');
export const Nodes = resource<Node>('v1', 'Node', 'nodes', 'Cluster');
export const Pods = resource<Pod>('v1', 'Pod', 'pods');
export const Services = resource<Service>('v1', 'Service', 'services');
export const ConfigMaps = resource<ConfigMap>('v1', 'ConfigMap', 'configmaps');
export const Secrets = resource<Secret>('v1', 'Secret', 'secrets');
export const ServiceAccounts = resource<ServiceAccount>('v1', 'ServiceAccount', 'serviceaccounts');
export const Events = resource<Event>('v1', 'Event', 'events');
export const EndpointSlices = resource<EndpointSlice>(
  'discovery.k8s.io/v1',
  'EndpointSlice',
  'endpointslices',
);
export const Ingresses = resource<Ingress>('networking.k8s.io/v1', 'Ingress', 'ingresses');
export const IngressClasses = resource<IngressClass>(
  'networking.k8s.io/v1',
  'IngressClass',
  'ingressclasses',
  'Cluster',
);
export const IPAddresses = resource<IPAddress>('networking.k8s.io/v1', 'IPAddress', 'ipaddresses', 'Cluster');
export const Leases = resource<Lease>('coordination.k8s.io/v1', 'Lease', 'leases');
export const RuntimeClasses = resource<RuntimeClass>(
  'node.k8s.io/v1',
  'RuntimeClass',
  'runtimeclasses',
  'Cluster',
);
export const Deployments = resource<Deployment>('apps/v1', 'Deployment', 'deployments');
export const ReplicaSets = resource<ReplicaSet>('apps/v1', 'ReplicaSet', 'replicasets');
export const StatefulSets = resource<StatefulSet>('apps/v1', 'StatefulSet', 'statefulsets');
export const DaemonSets = resource<DaemonSet>('apps/v1', 'DaemonSet', 'daemonsets');
export const Jobs = resource<Job>('batch/v1', 'Job', 'jobs');
export const CronJobs = resource<CronJob>('batch/v1', 'CronJob', 'cronjobs');
export const Plugins = resource<PluginObject>('orlop.dev/v1', 'Plugin', 'plugins', 'Cluster');
