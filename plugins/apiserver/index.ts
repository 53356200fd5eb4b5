import {
  Admission,
  ApiServer,
  Authenticator,
  Authorizer,
  CertificateAuthority,
  definePlugin,
  optional,
  PRESENCE,
  ServiceAccountTokens,
  WriteAdmission,
} from 'orlop/plugin';
import { type Config, config } from './config.ts';
import { type Requires, start } from './server/start.ts';

export default definePlugin<Config, Requires>({
  name: 'apiserver',
  kind: 'apiserver.v1',
  version: '0.1.0',
  description: 'Serves the Kubernetes API over HTTPS.',
  config,
  requires: {
    admissions: Admission,
    authenticator: Authenticator,
    authorizer: optional(Authorizer),
    ca: CertificateAuthority,
    tokens: optional(ServiceAccountTokens),
  },
  provides: [ApiServer, WriteAdmission],
  grants: {
    objects: [{ resource: '*', verbs: '*' }],
    publish: ['node.>', PRESENCE.who],
    subscribe: [PRESENCE.here, PRESENCE.bye],
    blobs: ['read', 'write'],
    impersonate: true,
    host: ['net', 'files'],
  },
  required: true,
  start,
});
