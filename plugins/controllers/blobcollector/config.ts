import type { JsonSchema } from 'orlop/plugin';

export interface Config {
  graceSeconds: number;
  periodSeconds: number;
}

export const config: JsonSchema = {
  type: 'object',
  properties: {
    graceSeconds: {
      type: 'number',
      description: 'How long a blob stays that nothing refers to, and then what was deleted of it.',
      default: 3600,
      minimum: 0,
    },
    periodSeconds: {
      type: 'number',
      description: 'How often it looks.',
      default: 60,
      minimum: 0.1,
    },
  },
};
