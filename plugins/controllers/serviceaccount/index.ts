import {
  CertificateAuthority,
  ConfigMaps,
  definePlugin,
  loopInstance,
  Namespaces,
  optional,
  ServiceAccounts,
} from 'orlop/plugin';
import { run } from './controller.ts';

export default definePlugin({
  name: 'serviceaccount-controller',
  kind: 'controller.v1',
  version: '0.1.0',
  description: 'Gives each namespace its ServiceAccount "default" and the cluster\'s CA certificate.',
  singleton: true,
  requires: { ca: optional(CertificateAuthority) },
  grants: {
    objects: [
      { resource: Namespaces, verbs: ['get', 'list', 'watch'] },
      { resource: ServiceAccounts, verbs: ['get', 'list', 'watch', 'create'] },
      { resource: ConfigMaps, verbs: ['get', 'list', 'watch', 'create', 'update'] },
    ],
  },
  start: (ctx) => loopInstance(() => run(ctx)),
});
