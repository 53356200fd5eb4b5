import type { JsonSchema } from 'orlop/plugin';

export interface Config {
  address: string;
  httpPort: number;
  httpsPort: number;
}

export const config: JsonSchema = {
  type: 'object',
  properties: {
    address: {
      type: 'string',
      default: '0.0.0.0',
      description: 'Where to listen; 0.0.0.0 is every address.',
    },
    httpPort: { type: 'integer', default: 8080, minimum: 0, maximum: 65535 },
    httpsPort: { type: 'integer', default: 8443, minimum: 0, maximum: 65535 },
  },
};
