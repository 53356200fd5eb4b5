import type { JsonSchema } from 'orlop/plugin';

export interface Config {
  serviceCIDR: string;
  nodePortAddress: string;
}

export const config: JsonSchema = {
  type: 'object',
  properties: {
    serviceCIDR: {
      type: 'string',
      default: '10.96.0.0/16',
      description: 'The range of cluster IPs, as the API server allocates them.',
    },
    nodePortAddress: {
      type: 'string',
      default: '0.0.0.0',
      description: 'Where node ports listen; 0.0.0.0 is every address of the node.',
    },
  },
};
