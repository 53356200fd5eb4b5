import { type Definitions, referenceTo } from './definitions.ts';

const META = referenceTo('io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta');
const CONDITION = referenceTo('io.k8s.apimachinery.pkg.apis.meta.v1.Condition');
export const TYPE_META = {
  apiVersion: {
    type: 'string',
    description:
      'APIVersion defines the versioned schema of this representation of an object. Servers should convert recognized schemas to the latest internal value, and may reject unrecognized values.',
  },
  kind: {
    type: 'string',
    description: 'Kind is a string value representing the REST resource this object represents.',
  },
};

/** `orlop.dev/v1`: see `PluginObject` in the contract. */
export const PLUGIN_DEFINITIONS: Definitions = {
  'dev.orlop.v1.Plugin': {
    type: 'object',
    description:
      'Plugin is one plugin of the cluster, as asked for and as it runs. Applying one loads or swaps it.',
    required: ['spec'],
    properties: {
      ...TYPE_META,
      metadata: META,
      spec: referenceTo('dev.orlop.v1.PluginSpec'),
      status: referenceTo('dev.orlop.v1.PluginStatus'),
    },
    'x-kubernetes-group-version-kind': [{ group: 'orlop.dev', version: 'v1', kind: 'Plugin' }],
  },
  'dev.orlop.v1.PluginList': {
    type: 'object',
    description: 'PluginList is a list of Plugins.',
    required: ['items'],
    properties: {
      ...TYPE_META,
      metadata: referenceTo('io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta'),
      items: { type: 'array', items: referenceTo('dev.orlop.v1.Plugin') },
    },
    'x-kubernetes-group-version-kind': [{ group: 'orlop.dev', version: 'v1', kind: 'PluginList' }],
  },
  'dev.orlop.v1.PluginSpec': {
    type: 'object',
    description: 'PluginSpec says which plugin to run and how.',
    properties: {
      module: {
        type: 'string',
        description:
          'Path or npm package of the module that declares the plugin; absent for a standard plugin.',
      },
      kind: { type: 'string', description: 'What the plugin is, with a version: e.g. scheduler.v1.' },
      version: { type: 'string', description: 'Version of the plugin.' },
      config: {
        type: 'object',
        description: "Configuration; the plugin's own schema says which keys there are.",
        'x-kubernetes-preserve-unknown-fields': true,
      },
      isolation: {
        type: 'string',
        description:
          'Where it runs: inline, or the name of a worker thread, shared by the plugins that name it.',
      },
    },
  },
  'dev.orlop.v1.PluginStatus': {
    type: 'object',
    description: 'PluginStatus says how the plugin runs.',
    properties: {
      phase: {
        type: 'string',
        description: 'Pending, Starting, Running, Swapping, Skipped, Failed or Stopped.',
      },
      observedGeneration: {
        type: 'integer',
        format: 'int64',
        description: 'The generation whose spec has been acted on.',
      },
      version: { type: 'string', description: 'Version of the running instance.' },
      revision: { type: 'integer', format: 'int32', description: 'Counts the instances so far.' },
      kind: { type: 'string', description: 'Kind of the running instance.' },
      isolation: { type: 'string', description: 'Where it runs.' },
      provides: { type: 'array', items: { type: 'string' }, description: 'Services it provides.' },
      healthy: { type: 'boolean', description: 'Whether its last health check passed.' },
      message: { type: 'string', description: 'Why it is skipped, failed or unhealthy.' },
      kernels: { type: 'array', items: { type: 'string' }, description: 'The kernels that run it.' },
      conditions: {
        type: 'array',
        items: CONDITION,
        description: 'Conditions of the plugin.',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['type'],
        'x-kubernetes-patch-merge-key': 'type',
        'x-kubernetes-patch-strategy': 'merge',
      },
    },
  },
};
