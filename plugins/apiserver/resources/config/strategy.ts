import type { Secret } from 'orlop/plugin';
import type { Strategy } from '../types.ts';

export const secretStrategy: Strategy<Secret> = {
  default(secret) {
    secret.type ||= 'Opaque';
    if (!secret.stringData) return;
    // Write-only convenience: it overrides data and is never read back.
    secret.data = { ...secret.data };
    for (const [key, text] of Object.entries(secret.stringData)) {
      secret.data[key] = Buffer.from(text).toString('base64');
    }
    delete secret.stringData;
  },
};
