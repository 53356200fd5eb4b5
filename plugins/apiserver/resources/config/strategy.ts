import type { ConfigMap, Secret } from 'orlop/plugin';
import type { Strategy } from '../types.ts';
import {
  validateConfigMap,
  validateConfigMapUpdate,
  validateSecret,
  validateSecretUpdate,
} from './validate.ts';

export const configMapStrategy: Strategy<ConfigMap> = {
  validate: validateConfigMap,
  validateUpdate: validateConfigMapUpdate,
};

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
  validate: validateSecret,
  validateUpdate: validateSecretUpdate,
};
