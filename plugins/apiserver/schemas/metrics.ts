import { type Definition, type Definitions, referenceTo } from './definitions.ts';
import { TYPE_META } from './plugin.ts';

const API = 'io.k8s.metrics.pkg.apis.metrics.v1beta1';
const META = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const USAGE: Definition = {
  type: 'object',
  description: 'The memory usage is the memory working set.',
  additionalProperties: referenceTo('io.k8s.apimachinery.pkg.api.resource.Quantity'),
};
const MEASURED = {
  ...TYPE_META,
  metadata: referenceTo(`${META}.ObjectMeta`),
  timestamp: {
    ...referenceTo(`${META}.Time`),
    description:
      'The following fields define time interval from which metrics were collected from the interval [Timestamp-Window, Timestamp].',
  },
  window: { type: 'string', description: 'Window is a duration, e.g. 15.123s.' },
} as const;

function kind(name: string): Pick<Definition, 'x-kubernetes-group-version-kind'> {
  const gvk = { group: 'metrics.k8s.io', version: 'v1beta1', kind: name };
  return { 'x-kubernetes-group-version-kind': [gvk] };
}

function listOf(name: string): Definition {
  return {
    type: 'object',
    description: `${name}List is a list of ${name}.`,
    required: ['items'],
    properties: {
      ...TYPE_META,
      metadata: referenceTo(`${META}.ListMeta`),
      items: { type: 'array', items: referenceTo(`${API}.${name}`) },
    },
    ...kind(`${name}List`),
  };
}

/** `metrics.k8s.io/v1beta1`, which is in no package. Source: kubernetes `staging/src/k8s.io/metrics`. */
export const METRICS_DEFINITIONS: Definitions = {
  [`${API}.NodeMetrics`]: {
    type: 'object',
    description: 'NodeMetrics sets resource usage metrics of a node.',
    required: ['timestamp', 'window', 'usage'],
    properties: { ...MEASURED, usage: USAGE },
    ...kind('NodeMetrics'),
  },
  [`${API}.NodeMetricsList`]: listOf('NodeMetrics'),
  [`${API}.PodMetrics`]: {
    type: 'object',
    description: 'PodMetrics sets resource usage metrics of a pod.',
    required: ['timestamp', 'window', 'containers'],
    properties: {
      ...MEASURED,
      containers: {
        type: 'array',
        description: 'Metrics for all containers are collected within the same time window.',
        items: referenceTo(`${API}.ContainerMetrics`),
      },
    },
    ...kind('PodMetrics'),
  },
  [`${API}.PodMetricsList`]: listOf('PodMetrics'),
  [`${API}.ContainerMetrics`]: {
    type: 'object',
    description: 'ContainerMetrics sets resource usage metrics of a container.',
    required: ['name', 'usage'],
    properties: {
      name: {
        type: 'string',
        description: 'Container name corresponding to the one from pod.spec.containers.',
      },
      usage: USAGE,
    },
  },
};
