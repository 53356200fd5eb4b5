import { Authenticator, definePlugin, optional, provide, ServiceAccountTokens } from 'orlop/plugin';
import { authenticator } from './authenticator.ts';
import { type AuthConfig, config } from './config.ts';
import { adminToken } from './token.ts';

const requires = { tokens: optional(ServiceAccountTokens) };

export default definePlugin<AuthConfig, typeof requires>({
  name: 'auth',
  kind: 'auth.v1',
  version: '1.0.0',
  description: 'Says who makes a request.',
  required: true,
  config,
  requires,
  provides: [Authenticator],
  grants: { host: ['files'] },
  start(ctx) {
    const token = ctx.config.adminToken ?? adminToken(ctx.dataDir);
    return { provides: [provide(Authenticator, authenticator(token, ctx.services.tokens))] };
  },
});
