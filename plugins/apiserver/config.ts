import type { JsonSchema } from 'orlop/plugin';

export interface Config {
  port: number;
  address: string;
  hosts: string[];
  serviceCIDR: string;
  serviceNodePortRange: string;
}

export const config: JsonSchema = {
  type: 'object',
  properties: {
    port: {
      type: 'integer',
      minimum: 0,
      maximum: 65535,
      default: 6443,
      description: 'Port of the HTTPS listener; 0 picks a free one.',
    },
    address: { type: 'string', default: '0.0.0.0', description: 'Address the HTTPS listener binds.' },
    hosts: {
      type: 'array',
      items: { type: 'string' },
      default: [],
      description: "Further DNS names and IP addresses of the server's certificate.",
    },
    serviceCIDR: {
      type: 'string',
      default: '10.96.0.0/16',
      pattern: '^\\d+\\.\\d+\\.\\d+\\.\\d+/\\d+$',
      description: 'Where the cluster IPs of Services come from.',
    },
    serviceNodePortRange: {
      type: 'string',
      default: '30000-32767',
      pattern: '^\\d+-\\d+$',
      description: 'First and last node port of Services.',
    },
  },
};
