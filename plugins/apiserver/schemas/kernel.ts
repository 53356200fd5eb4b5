import { type Definition, type Definitions, referenceTo } from './definitions.ts';
import { TYPE_META } from './plugin.ts';

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1';

function kind(name: string): Pick<Definition, 'x-kubernetes-group-version-kind'> {
  return { 'x-kubernetes-group-version-kind': [{ group: 'orlop.dev', version: 'v1', kind: name }] };
}

/** `orlop.dev/v1`: the kernels that are alive. */
export const KERNEL_DEFINITIONS: Definitions = {
  'dev.orlop.v1.Kernel': {
    type: 'object',
    description:
      'Kernel is one process of the cluster, as it says itself that it is alive. Its creation is its start.',
    properties: {
      ...TYPE_META,
      metadata: referenceTo(`${META}.ObjectMeta`),
      status: referenceTo('dev.orlop.v1.KernelStatus'),
    },
    ...kind('Kernel'),
  },
  'dev.orlop.v1.KernelList': {
    type: 'object',
    description: 'KernelList is a list of Kernels.',
    required: ['items'],
    properties: {
      ...TYPE_META,
      metadata: referenceTo(`${META}.ListMeta`),
      items: { type: 'array', items: referenceTo('dev.orlop.v1.Kernel') },
    },
    ...kind('KernelList'),
  },
  'dev.orlop.v1.KernelStatus': {
    type: 'object',
    description: 'KernelStatus says what the kernel is.',
    required: ['roles', 'version'],
    properties: {
      node: { type: 'string', description: 'The node it stands for, if any.' },
      roles: { type: 'array', items: { type: 'string' }, description: 'What it is for: server, node.' },
      version: { type: 'string', description: 'Version of Orlop.' },
    },
  },
};
