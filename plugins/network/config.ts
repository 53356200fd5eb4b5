import type { JsonSchema } from 'orlop/plugin';

export interface Config {
  podCIDR: string;
}

export const config: JsonSchema = {
  type: 'object',
  properties: {
    podCIDR: {
      type: 'string',
      default: '10.244.0.0/16',
      description: 'The range of all pod addresses of the cluster; each node takes a /24 of it.',
    },
  },
};
