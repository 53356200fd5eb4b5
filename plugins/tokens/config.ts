import type { JsonSchema } from 'orlop/plugin';

export interface TokensConfig {
  issuer: string;
  audiences: string[];
  maxExpirationSeconds: number;
}

const ISSUER = 'https://kubernetes.default.svc.cluster.local';

export const config: JsonSchema = {
  type: 'object',
  properties: {
    issuer: {
      type: 'string',
      pattern: '^https://',
      default: ISSUER,
      description: 'Who the tokens say issued them; the same for all servers of a cluster.',
    },
    audiences: {
      type: 'array',
      items: { type: 'string' },
      default: [],
      description:
        'What the API server answers to; the first ones are of tokens that name none. Empty: the issuer.',
    },
    maxExpirationSeconds: {
      type: 'integer',
      minimum: 3600,
      default: 2 ** 32,
      description: 'For how long a token can be asked for; more is cut to this.',
    },
  },
};
