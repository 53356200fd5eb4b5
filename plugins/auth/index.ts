import { Authenticator, CertificateAuthority, definePlugin, provide } from 'orlop/plugin';
import { authenticator } from './authenticator.ts';
import { certificateAuthority } from './ca.ts';
import { type AuthConfig, config } from './config.ts';
import { adminToken } from './token.ts';

export default definePlugin<AuthConfig>({
  name: 'auth',
  kind: 'auth.v1',
  version: '1.0.0',
  description: "Keeps the cluster's certificate authority and says who makes a request.",
  required: true,
  config,
  provides: [Authenticator, CertificateAuthority],
  grants: { host: ['files'] },
  async start(ctx) {
    const token = ctx.config.adminToken ?? adminToken(ctx.dataDir);
    return {
      provides: [
        provide(Authenticator, authenticator(token)),
        provide(CertificateAuthority, await certificateAuthority(ctx.dataDir)),
      ],
    };
  },
});
