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

const RUNS: Definitions[string]['properties'] = {
  phase: {
    type: 'string',
    description: 'Pending, Starting, Running, Swapping, Standby, Skipped, Failed or Stopped.',
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
  message: { type: 'string', description: 'Why it waits, is skipped, failed or unhealthy.' },
  reason: { type: 'string', description: 'The same in one word, e.g. CrashLoopBackOff.' },
  lastError: { type: 'string', description: 'The last failure, also when it runs again.' },
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
      spec: { ...referenceTo('dev.orlop.v1.PluginSpec'), description: 'Which plugin to run and how.' },
      status: {
        ...referenceTo('dev.orlop.v1.PluginStatus'),
        description: 'How it runs. Written by the kernels that run it.',
      },
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
          "The module that declares the plugin: its path or that of its package's folder, an npm package, or a bundle in the cluster (blob:sha256-...); absent for a standard plugin.",
      },
      kind: {
        type: 'string',
        description: 'The kind the module must declare, e.g. scheduler.v1; absent: any.',
      },
      version: { type: 'string', description: 'The version the module must declare; absent: any.' },
      config: {
        type: 'object',
        description: "Configuration; the plugin's own schema says which keys there are.",
        'x-kubernetes-preserve-unknown-fields': true,
      },
      isolation: {
        type: 'string',
        description:
          'Where it runs: inline, or worker/NAME, a thread shared by the plugins that name it; process for a manifest in place of a module; absent: where the plugin itself says.',
      },
      resources: {
        type: 'object',
        description: 'What it may take of its machine.',
        properties: {
          limits: {
            type: 'object',
            description: 'The most it may take: memory, of the worker thread it runs in.',
            properties: {
              memory: {
                ...referenceTo('io.k8s.apimachinery.pkg.api.resource.Quantity'),
                description: 'Of its heap and buffers; at least 16Mi.',
              },
            },
          },
        },
      },
      placement: {
        ...referenceTo('dev.orlop.v1.PluginPlacement'),
        description: 'In which kernels it runs.',
      },
    },
  },
  'dev.orlop.v1.PluginPlacement': {
    type: 'object',
    description:
      'PluginPlacement says in which kernels a plugin runs: those that meet all of it. Absent: those whose own plugin it is; any other plugin in those of role server.',
    properties: {
      roles: {
        type: 'array',
        items: { type: 'string' },
        description: 'Roles of the process, of which it must play one: server, node. Absent: any.',
        'x-kubernetes-list-type': 'atomic',
      },
      nodeSelector: {
        type: 'object',
        additionalProperties: { type: 'string' },
        description: 'Labels that the Node the process stands for must have.',
      },
    },
  },
  'dev.orlop.v1.PluginInstance': {
    type: 'object',
    description: 'PluginInstance says how the plugin runs in one kernel.',
    required: ['kernel', 'phase'],
    properties: {
      kernel: { type: 'string', description: 'Id of the kernel.' },
      node: { type: 'string', description: 'Name of the node the kernel stands for.' },
      ...RUNS,
      restarts: {
        type: 'integer',
        format: 'int32',
        description:
          'Times it was started again after a failure since the kernel started, and the process because of it since the object is there.',
      },
      refused: { type: 'string', description: 'Why what the spec asks for was not done.' },
    },
  },
  'dev.orlop.v1.PluginMigration': {
    type: 'object',
    description:
      'PluginMigration says how far Secrets are written anew that encodings before the present one have stored.',
    required: ['encodings', 'left'],
    properties: {
      encodings: {
        type: 'array',
        items: referenceTo('dev.orlop.v1.PluginSpec'),
        description:
          'Modules, with their configuration, by which Secrets may be stored; each kernel keeps them to decode.',
        'x-kubernetes-list-type': 'atomic',
      },
      left: {
        type: 'integer',
        format: 'int32',
        description: 'Secrets still to be written anew, as far as it is known.',
      },
      done: {
        type: 'string',
        description: 'The generation and the instances by which every Secret is stored; absent until then.',
      },
    },
  },
  'dev.orlop.v1.PluginStatus': {
    type: 'object',
    description:
      'PluginStatus says how the plugin runs: in each kernel, and for all of them what is so where it is worst off.',
    properties: {
      ...RUNS,
      kernels: { type: 'array', items: { type: 'string' }, description: 'The kernels that run it.' },
      instances: {
        type: 'array',
        items: referenceTo('dev.orlop.v1.PluginInstance'),
        description: 'How it runs in each kernel.',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['kernel'],
      },
      migration: {
        ...referenceTo('dev.orlop.v1.PluginMigration'),
        description: 'Of one that encodes Secrets: which encodings before it are still needed.',
      },
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
