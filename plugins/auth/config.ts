import type { JsonSchema } from 'orlop/plugin';

export interface AuthConfig {
  adminToken?: string;
}

export const config: JsonSchema = {
  type: 'object',
  properties: {
    adminToken: {
      type: 'string',
      pattern: '^[A-Za-z0-9_.~+/=-]{16,}$',
      description:
        'The bearer token of the administrator, at least 16 characters. Absent: one is made at first start.',
    },
  },
};
