import type { JsonSchema } from 'orlop/plugin';

export interface CertificatesConfig {
  signingSeconds: number;
}

export const config: JsonSchema = {
  type: 'object',
  properties: {
    signingSeconds: {
      type: 'integer',
      minimum: 600,
      default: 365 * 24 * 3600,
      description: 'For how long a certificate is valid at most, and when its request does not say.',
    },
  },
};
