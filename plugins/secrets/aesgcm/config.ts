import type { JsonSchema } from 'orlop/plugin';

export interface AesGcmConfig {
  keyFile?: string;
}

export const config: JsonSchema = {
  type: 'object',
  properties: {
    keyFile: {
      type: 'string',
      description:
        'Path of the key file. Made at first start when there is none. Absent: `keys` in the data folder of the plugin.',
    },
  },
};
