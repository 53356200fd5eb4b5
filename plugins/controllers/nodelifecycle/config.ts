import type { JsonSchema } from 'orlop/plugin';

export interface Config {
  nodeMonitorGracePeriodSeconds: number;
}

export const config: JsonSchema = {
  type: 'object',
  properties: {
    nodeMonitorGracePeriodSeconds: {
      type: 'number',
      description:
        'How long a node may be silent before it counts as not ready, and a missing node before its pods go.',
      default: 40,
      minimum: 1,
    },
  },
};
