/** Kubernetes' own object types, from the upstream OpenAPI document (package `kubernetes-types`). */

export type {
  MutatingWebhookConfiguration,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  ValidatingWebhookConfiguration,
} from 'kubernetes-types/admissionregistration/v1.d.ts';
export type { CustomResourceDefinition } from 'kubernetes-types/apiextensions/v1.d.ts';
export type {
  ControllerRevision,
  DaemonSet,
  Deployment,
  DeploymentSpec,
  DeploymentStatus,
  ReplicaSet,
  StatefulSet,
} from 'kubernetes-types/apps/v1.d.ts';
export type { HorizontalPodAutoscaler } from 'kubernetes-types/autoscaling/v2.d.ts';
export type { CronJob, Job } from 'kubernetes-types/batch/v1.d.ts';
export type { CertificateSigningRequest } from 'kubernetes-types/certificates/v1.d.ts';
export type { Lease } from 'kubernetes-types/coordination/v1.d.ts';
export type {
  Affinity,
  ConfigMap,
  Container,
  ContainerState as ContainerStateStatus,
  ContainerStatus,
  Endpoints as EndpointsObject,
  EnvVar,
  Event,
  LimitRange,
  Namespace,
  Node,
  NodeAffinity,
  NodeCondition,
  NodeSelectorTerm,
  NodeSpec,
  NodeStatus,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  PodCondition,
  PodSpec,
  PodStatus,
  PodTemplate,
  PodTemplateSpec,
  Probe,
  ReplicationController,
  ResourceQuota,
  Secret,
  Service,
  ServiceAccount,
  ServicePort,
  ServiceSpec,
  Taint,
  Toleration,
  Volume,
  VolumeMount,
} from 'kubernetes-types/core/v1.d.ts';
export type {
  Endpoint as SliceEndpoint,
  EndpointPort,
  EndpointSlice,
} from 'kubernetes-types/discovery/v1.d.ts';
export type {
  Condition,
  LabelSelector,
  ListMeta,
  ObjectMeta,
  OwnerReference,
} from 'kubernetes-types/meta/v1.d.ts';
export type {
  HTTPIngressPath,
  Ingress,
  IngressBackend,
  IngressClass,
  IngressRule,
  NetworkPolicy,
} from 'kubernetes-types/networking/v1.d.ts';
export type { RuntimeClass } from 'kubernetes-types/node/v1.d.ts';
export type { PodDisruptionBudget, PodDisruptionBudgetStatus } from 'kubernetes-types/policy/v1.d.ts';
export type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  Role,
  RoleBinding,
  RoleRef,
  Subject,
} from 'kubernetes-types/rbac/v1.d.ts';
export type { PriorityClass } from 'kubernetes-types/scheduling/v1.d.ts';
export type {
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  StorageClass,
  VolumeAttachment,
} from 'kubernetes-types/storage/v1.d.ts';
