/** Kubernetes' own object types, from the upstream OpenAPI document (package `kubernetes-types`). */
export type {
  DaemonSet,
  Deployment,
  DeploymentSpec,
  DeploymentStatus,
  ReplicaSet,
  StatefulSet,
} from 'kubernetes-types/apps/v1.d.ts';
export type { CronJob, Job } from 'kubernetes-types/batch/v1.d.ts';
export type { Lease } from 'kubernetes-types/coordination/v1.d.ts';
export type {
  Affinity,
  ConfigMap,
  Container,
  ContainerState as ContainerStateStatus,
  ContainerStatus,
  EnvVar,
  Event,
  Namespace,
  Node,
  NodeAffinity,
  NodeCondition,
  NodeSelectorTerm,
  NodeSpec,
  NodeStatus,
  Pod,
  PodCondition,
  PodSpec,
  PodStatus,
  PodTemplateSpec,
  Probe,
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
} from 'kubernetes-types/networking/v1.d.ts';
export type { RuntimeClass } from 'kubernetes-types/node/v1.d.ts';
