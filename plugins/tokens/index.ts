import {
  definePlugin,
  type Json,
  Nodes,
  Pods,
  provide,
  Secrets,
  ServiceAccounts,
  ServiceAccountTokens,
  StatusError,
  TOKEN_SUBJECT,
  type TokenParams,
} from 'orlop/plugin';
import { config, type TokensConfig } from './config.ts';
import { Keys, SigningKeys } from './keys.ts';
import { serviceAccountTokens } from './tokens.ts';

export default definePlugin<TokensConfig>({
  name: 'tokens',
  kind: 'tokens.v1',
  version: '1.0.0',
  description: 'Issues the tokens of ServiceAccounts and says whose a token is.',
  config,
  provides: [ServiceAccountTokens],
  grants: {
    objects: [
      { resource: SigningKeys, verbs: ['get', 'list', 'create'] },
      ...[ServiceAccounts, Pods, Secrets, Nodes].map((resource) => ({ resource, verbs: ['get'] as const })),
    ],
    subscribe: [TOKEN_SUBJECT],
    host: ['files'],
  },
  async start(ctx) {
    const tokens = serviceAccountTokens(ctx.objects, await Keys.open(ctx.dataDir, ctx.objects), ctx.config);
    const requests = ctx.bus.serve(
      TOKEN_SUBJECT,
      async (params) => {
        const { namespace, account, spec } = params as unknown as TokenParams;
        // Nodes need tokens for their pods, and for nobody else.
        if (spec.boundObjectRef?.kind !== 'Pod' || !spec.boundObjectRef.uid) {
          throw new StatusError('Forbidden', 'a node may ask for tokens that are bound to a pod only');
        }
        return (await tokens.issue(namespace, account, spec)) as unknown as Json;
      },
      { queue: 'tokens' },
    );
    ctx.defer(() => requests.close());
    return { provides: [provide(ServiceAccountTokens, tokens)] };
  },
});
