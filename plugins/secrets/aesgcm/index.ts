import { join } from 'node:path';
import { definePlugin, provide, SecretsEncoding } from 'orlop/plugin';
import { type AesGcmConfig, config } from './config.ts';
import { aesGcm } from './encoding.ts';
import { loadKeys } from './keys.ts';

export default definePlugin<AesGcmConfig>({
  name: 'secrets-aesgcm',
  kind: 'secrets.v1',
  version: '1.0.0',
  description: 'Encrypts Secrets at rest with AES-256-GCM; the key lies in a file outside the store.',
  required: true,
  config,
  provides: [SecretsEncoding],
  grants: { host: ['files'] },
  start(ctx) {
    const file = ctx.config.keyFile ?? join(ctx.dataDir, 'keys');
    return {
      provides: [
        provide(
          SecretsEncoding,
          aesGcm(() => loadKeys(file, ctx.config.rotation), file),
        ),
      ],
    };
  },
});
