import {
  CertificateAuthority,
  definePlugin,
  loopInstance,
  optional,
  Secrets,
  ServiceAccounts,
  ServiceAccountTokens,
} from 'orlop/plugin';
import { run } from './controller.ts';

export default definePlugin({
  name: 'serviceaccounttoken-controller',
  kind: 'controller.v1',
  version: '1.0.0',
  description: "Fills Secrets of type kubernetes.io/service-account-token with a ServiceAccount's token.",
  singleton: true,
  requires: { tokens: ServiceAccountTokens, ca: optional(CertificateAuthority) },
  grants: {
    objects: [
      { resource: Secrets, verbs: ['get', 'list', 'watch', 'update', 'delete'] },
      { resource: ServiceAccounts, verbs: ['get', 'list', 'watch'] },
    ],
  },
  start: (ctx) => loopInstance(() => run(ctx)),
});
