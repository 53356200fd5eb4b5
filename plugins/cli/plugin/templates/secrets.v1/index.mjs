import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { definePlugin, provide, SecretsEncoding, StatusError } from 'orlop/plugin';

/** A value is: nonce (12 bytes), tag (16 bytes), ciphertext. `key` is the object's subject, to which a value is bound.
 * @param {Buffer} secret @returns {SecretsEncoding} */
export function encoding(secret) {
  return {
    encoding: 'my-plugin',
    encode(value, key) {
      const nonce = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', secret, nonce).setAAD(Buffer.from(key));
      const text = Buffer.concat([cipher.update(value), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), text]);
    },
    decode(value, key) {
      try {
        const decipher = createDecipheriv('aes-256-gcm', secret, value.subarray(0, 12));
        decipher.setAAD(Buffer.from(key)).setAuthTag(value.subarray(12, 28));
        return Buffer.concat([decipher.update(value.subarray(28)), decipher.final()]);
      } catch (cause) {
        throw new StatusError(
          'InternalError',
          `${key} cannot be decrypted: restore it from a backup`,
          {},
          { cause },
        );
      }
    },
  };
}

export default definePlugin({
  name: 'my-plugin',
  kind: 'secrets.v1',
  version: '0.1.0',
  description: 'Encrypts Secrets at rest.',
  provides: [SecretsEncoding],
  grants: { host: ['files'] },
  start(ctx) {
    const file = join(ctx.dataDir, 'key');
    if (!existsSync(file)) writeFileSync(file, randomBytes(32), { mode: 0o600 });
    return { provides: [provide(SecretsEncoding, encoding(readFileSync(file)))] };
  },
});
