import type { Resource } from '../objects.ts';
import type {
  CertificateSigningRequest,
  ClusterRole,
  ClusterRoleBinding,
  ConfigMap,
  ControllerRevision,
  CronJob,
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  CustomResourceDefinition,
  DaemonSet,
  Deployment,
  EndpointSlice,
  EndpointsObject,
  Event,
  HorizontalPodAutoscaler,
  Ingress,
  IngressClass,
  Job,
  Lease,
  LimitRange,
  MutatingWebhookConfiguration,
  Namespace,
  NetworkPolicy,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  PodDisruptionBudget,
  PodTemplate,
  PriorityClass,
  ReplicaSet,
  ReplicationController,
  ResourceQuota,
  Role,
  RoleBinding,
  RuntimeClass,
  Secret,
  Service,
  ServiceAccount,
  StatefulSet,
  StorageClass,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  ValidatingWebhookConfiguration,
  VolumeAttachment,
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

/** Of networking.k8s.io/v1: a range that cluster IPs come from. */
export interface ServiceCIDR extends KubeObject {
  spec?: { cidrs?: string[] };
  status?: object;
}

/** Of Kubernetes 1.36. */
export interface MutatingAdmissionPolicy extends KubeObject {
  spec?: Omit<NonNullable<ValidatingAdmissionPolicy['spec']>, 'validations' | 'auditAnnotations'> & {
    mutations?: {
      patchType: string;
      applyConfiguration?: { expression?: string };
      jsonPatch?: { expression?: string };
    }[];
    reinvocationPolicy?: string;
  };
}

export interface MutatingAdmissionPolicyBinding extends KubeObject {
  spec?: Omit<NonNullable<ValidatingAdmissionPolicyBinding['spec']>, 'validationActions'>;
}

/** Of apiregistration.k8s.io/v1: a group and version, and who serves it. */
export interface APIService extends KubeObject {
  spec?: {
    group?: string;
    version?: string;
    groupPriorityMinimum?: number;
    versionPriority?: number;
    insecureSkipTLSVerify?: boolean;
    caBundle?: string;
    service?: { namespace?: string; name?: string; port?: number };
  };
  status?: { conditions?: { type: string; status: string; reason?: string; message?: string }[] };
}

/** Of storage.k8s.io/v1: what volumes of a driver may be changed to. */
export interface VolumeAttributesClass extends KubeObject {
  driverName?: string;
  parameters?: Record<string, string>;
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
export const Endpoints = resource<EndpointsObject>('v1', 'Endpoints', 'endpoints');
export const LimitRanges = resource<LimitRange>('v1', 'LimitRange', 'limitranges');
export const PersistentVolumes = resource<PersistentVolume>(
  'v1',
  'PersistentVolume',
  'persistentvolumes',
  'Cluster',
);
export const PersistentVolumeClaims = resource<PersistentVolumeClaim>(
  'v1',
  'PersistentVolumeClaim',
  'persistentvolumeclaims',
);
export const PodTemplates = resource<PodTemplate>('v1', 'PodTemplate', 'podtemplates');
export const ReplicationControllers = resource<ReplicationController>(
  'v1',
  'ReplicationController',
  'replicationcontrollers',
);
export const ResourceQuotas = resource<ResourceQuota>('v1', 'ResourceQuota', 'resourcequotas');
export const ControllerRevisions = resource<ControllerRevision>(
  'apps/v1',
  'ControllerRevision',
  'controllerrevisions',
);
export const HorizontalPodAutoscalers = resource<HorizontalPodAutoscaler>(
  'autoscaling/v2',
  'HorizontalPodAutoscaler',
  'horizontalpodautoscalers',
);
export const PodDisruptionBudgets = resource<PodDisruptionBudget>(
  'policy/v1',
  'PodDisruptionBudget',
  'poddisruptionbudgets',
);
export const NetworkPolicies = resource<NetworkPolicy>(
  'networking.k8s.io/v1',
  'NetworkPolicy',
  'networkpolicies',
);
export const ServiceCIDRs = resource<ServiceCIDR>(
  'networking.k8s.io/v1',
  'ServiceCIDR',
  'servicecidrs',
  'Cluster',
);
export const PriorityClasses = resource<PriorityClass>(
  'scheduling.k8s.io/v1',
  'PriorityClass',
  'priorityclasses',
  'Cluster',
);
export const StorageClasses = resource<StorageClass>(
  'storage.k8s.io/v1',
  'StorageClass',
  'storageclasses',
  'Cluster',
);
export const VolumeAttachments = resource<VolumeAttachment>(
  'storage.k8s.io/v1',
  'VolumeAttachment',
  'volumeattachments',
  'Cluster',
);
export const VolumeAttributesClasses = resource<VolumeAttributesClass>(
  'storage.k8s.io/v1',
  'VolumeAttributesClass',
  'volumeattributesclasses',
  'Cluster',
);
export const CSIDrivers = resource<CSIDriver>('storage.k8s.io/v1', 'CSIDriver', 'csidrivers', 'Cluster');
export const CSINodes = resource<CSINode>('storage.k8s.io/v1', 'CSINode', 'csinodes', 'Cluster');
export const CSIStorageCapacities = resource<CSIStorageCapacity>(
  'storage.k8s.io/v1',
  'CSIStorageCapacity',
  'csistoragecapacities',
);
export const Roles = resource<Role>('rbac.authorization.k8s.io/v1', 'Role', 'roles');
export const RoleBindings = resource<RoleBinding>(
  'rbac.authorization.k8s.io/v1',
  'RoleBinding',
  'rolebindings',
);
export const ClusterRoles = resource<ClusterRole>(
  'rbac.authorization.k8s.io/v1',
  'ClusterRole',
  'clusterroles',
  'Cluster',
);
export const ClusterRoleBindings = resource<ClusterRoleBinding>(
  'rbac.authorization.k8s.io/v1',
  'ClusterRoleBinding',
  'clusterrolebindings',
  'Cluster',
);
export const CertificateSigningRequests = resource<CertificateSigningRequest>(
  'certificates.k8s.io/v1',
  'CertificateSigningRequest',
  'certificatesigningrequests',
  'Cluster',
);
export const MutatingWebhookConfigurations = resource<MutatingWebhookConfiguration>(
  'admissionregistration.k8s.io/v1',
  'MutatingWebhookConfiguration',
  'mutatingwebhookconfigurations',
  'Cluster',
);
export const ValidatingWebhookConfigurations = resource<ValidatingWebhookConfiguration>(
  'admissionregistration.k8s.io/v1',
  'ValidatingWebhookConfiguration',
  'validatingwebhookconfigurations',
  'Cluster',
);
export const ValidatingAdmissionPolicies = resource<ValidatingAdmissionPolicy>(
  'admissionregistration.k8s.io/v1',
  'ValidatingAdmissionPolicy',
  'validatingadmissionpolicies',
  'Cluster',
);
export const ValidatingAdmissionPolicyBindings = resource<ValidatingAdmissionPolicyBinding>(
  'admissionregistration.k8s.io/v1',
  'ValidatingAdmissionPolicyBinding',
  'validatingadmissionpolicybindings',
  'Cluster',
);
export const MutatingAdmissionPolicies = resource<MutatingAdmissionPolicy>(
  'admissionregistration.k8s.io/v1',
  'MutatingAdmissionPolicy',
  'mutatingadmissionpolicies',
  'Cluster',
);
export const MutatingAdmissionPolicyBindings = resource<MutatingAdmissionPolicyBinding>(
  'admissionregistration.k8s.io/v1',
  'MutatingAdmissionPolicyBinding',
  'mutatingadmissionpolicybindings',
  'Cluster',
);
export const CustomResourceDefinitions = resource<CustomResourceDefinition>(
  'apiextensions.k8s.io/v1',
  'CustomResourceDefinition',
  'customresourcedefinitions',
  'Cluster',
);
export const APIServices = resource<APIService>(
  'apiregistration.k8s.io/v1',
  'APIService',
  'apiservices',
  'Cluster',
);
export const Plugins = resource<PluginObject>('orlop.dev/v1', 'Plugin', 'plugins', 'Cluster');

/**
 * Every resource that may own, be owned, or live in a namespace; those that make others come first. Events are not among them: they end
 * by themselves.
 */
export const OBJECT_RESOURCES: readonly Resource<KubeObject>[] = [
  Namespaces,
  CronJobs,
  HorizontalPodAutoscalers,
  PodDisruptionBudgets,
  Deployments,
  StatefulSets,
  DaemonSets,
  Jobs,
  ReplicationControllers,
  ReplicaSets,
  ControllerRevisions,
  PodTemplates,
  Pods,
  PersistentVolumeClaims,
  Services,
  EndpointSlices,
  Endpoints,
  Ingresses,
  NetworkPolicies,
  RoleBindings,
  Roles,
  ConfigMaps,
  Secrets,
  ServiceAccounts,
  Leases,
  CSIStorageCapacities,
  ResourceQuotas,
  LimitRanges,
  Nodes,
  PersistentVolumes,
  StorageClasses,
  VolumeAttachments,
  VolumeAttributesClasses,
  CSIDrivers,
  CSINodes,
  PriorityClasses,
  RuntimeClasses,
  IngressClasses,
  ServiceCIDRs,
  IPAddresses,
  ClusterRoleBindings,
  ClusterRoles,
  CertificateSigningRequests,
  MutatingWebhookConfigurations,
  ValidatingWebhookConfigurations,
  ValidatingAdmissionPolicyBindings,
  ValidatingAdmissionPolicies,
  MutatingAdmissionPolicyBindings,
  MutatingAdmissionPolicies,
  CustomResourceDefinitions,
  APIServices,
  Plugins,
];
