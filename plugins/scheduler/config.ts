import type { JsonSchema } from 'orlop/plugin';

export interface SchedulerConfig {
  scoreWeights: Record<string, number>;
  scoreTimeoutMilliseconds: number;
}

export const configSchema: JsonSchema = {
  type: 'object',
  properties: {
    scoreWeights: {
      type: 'object',
      description:
        'Weight of each score plugin by its name, default 1; 0 leaves it out. Built-in scores weigh 1 to 3.',
      default: {},
      additionalProperties: { type: 'integer', minimum: 0, maximum: 100 },
    },
    scoreTimeoutMilliseconds: {
      type: 'integer',
      description: 'How long a score plugin may take over a batch of pods; then they are placed without it.',
      default: 1000,
      minimum: 1,
      maximum: 60_000,
    },
  },
};
