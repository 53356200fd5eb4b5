import type { JsonSchema } from 'orlop/plugin';

export interface MigratorConfig {
  intervalSeconds: number;
  perSecond: number;
}

export const config: JsonSchema = {
  type: 'object',
  properties: {
    intervalSeconds: {
      type: 'number',
      minimum: 0.1,
      default: 10,
      description: 'Seconds between two looks for Secrets that are stored under an old encoding or key.',
    },
    perSecond: {
      type: 'number',
      minimum: 1,
      default: 50,
      description: 'Secrets written anew a second, at most.',
    },
  },
};
