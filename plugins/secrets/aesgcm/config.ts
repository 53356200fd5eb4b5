import type { JsonSchema } from 'orlop/plugin';

export interface AesGcmConfig {
  keyFile?: string;
  rotation?: string;
}

export const config: JsonSchema = {
  type: 'object',
  properties: {
    keyFile: {
      type: 'string',
      description:
        'Path of the key file. Made at first start when there is none. Absent: `keys` in the data folder of the plugin.',
    },
    rotation: {
      type: 'string',
      pattern: '^[A-Za-z0-9._-]{1,64}$',
      description:
        'Any name not used before, such as the date, makes a new key of that name, with which everything is encrypted from then on.',
    },
  },
};
