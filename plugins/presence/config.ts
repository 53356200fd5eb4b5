import type { JsonSchema } from 'orlop/plugin';

export interface Config {
  intervalSeconds: number;
  roles: string[];
}

export const config: JsonSchema = {
  type: 'object',
  properties: {
    intervalSeconds: {
      type: 'number',
      description: 'How often this kernel says that it is alive.',
      default: 3,
      minimum: 0.05,
    },
    roles: {
      type: 'array',
      items: { type: 'string' },
      description: 'What this kernel is for, e.g. server and node; `orlop` sets it.',
      default: [],
    },
  },
};
