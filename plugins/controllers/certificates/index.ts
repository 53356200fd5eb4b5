import { CertificateAuthority, CertificateSigningRequests, definePlugin, loopInstance } from 'orlop/plugin';
import { type CertificatesConfig, config } from './config.ts';
import { run } from './controller.ts';

const requires = { ca: CertificateAuthority };

export default definePlugin<CertificatesConfig, typeof requires>({
  name: 'certificates-controller',
  kind: 'controller.v1',
  version: '1.0.0',
  description:
    'Signs approved CertificateSigningRequests by the CA of the cluster, and removes those that are done with.',
  singleton: true,
  config,
  requires,
  grants: {
    objects: [{ resource: CertificateSigningRequests, verbs: ['get', 'list', 'watch', 'update', 'delete'] }],
  },
  start: (ctx) => loopInstance(() => run(ctx)),
});
