import type { JsonSchema } from 'orlop/plugin';

export interface Config {
  defaultRuntime: string;
  maxPods: number;
  crashLoopBaseMs: number;
  resyncSeconds: number;
  stopPodsAtExit: boolean;
}

export const configSchema: JsonSchema = {
  type: 'object',
  properties: {
    defaultRuntime: {
      type: 'string',
      default: 'docker',
      description:
        'Handler of the runtime for pods that name no RuntimeClass and whose images no runtime claims.',
    },
    maxPods: { type: 'integer', default: 110, minimum: 1, description: "The node's capacity of pods." },
    crashLoopBaseMs: {
      type: 'integer',
      default: 10_000,
      minimum: 1,
      description: 'First delay of CrashLoopBackOff in milliseconds; it doubles up to 5 minutes.',
    },
    resyncSeconds: {
      type: 'integer',
      default: 30,
      minimum: 1,
      description: 'How often everything is compared anew with the runtimes, in case an event was missed.',
    },
    stopPodsAtExit: {
      type: 'boolean',
      default: false,
      description:
        'Whether pods end when the agent does. Otherwise containers go on without it and are found again, as with kubelet.',
    },
  },
};
