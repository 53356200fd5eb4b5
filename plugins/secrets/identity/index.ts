import { definePlugin, provide, SecretsEncoding } from 'orlop/plugin';

export default definePlugin({
  name: 'secrets-identity',
  kind: 'secrets.v1',
  version: '1.0.0',
  description: 'Stores Secrets as they are, readable to whoever reads the disk.',
  required: true,
  provides: [SecretsEncoding],
  start: () => ({
    provides: [
      provide(SecretsEncoding, { encoding: 'identity', encode: (value) => value, decode: (value) => value }),
    ],
  }),
});
