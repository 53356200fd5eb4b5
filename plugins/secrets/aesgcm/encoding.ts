import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { type SecretsEncoding, StatusError } from 'orlop/plugin';
import { ID_BYTES, type Key } from './keys.ts';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * AES-256-GCM. A value is `key id (4) | nonce (12) | tag (16) | ciphertext`. The nonce is random: fine up to some 2^32 writes with one key
 * (NIST SP 800-38D, 8.3). The object's subject is the additional data, so that a value decrypts under its own name only. `load` reads
 * `file`, again when a value's key is not known.
 */
export function aesGcm(load: () => readonly Key[], file: string): SecretsEncoding {
  const keys = load();
  const [current] = keys;
  const byId = new Map(keys.map((key) => [key.id.toString('hex'), key]));
  /** Another thread may have rotated meanwhile. */
  const find = (id: string): Key | undefined => {
    if (!byId.has(id)) for (const key of load()) byId.set(key.id.toString('hex'), key);
    return byId.get(id);
  };
  return {
    encoding: 'aesgcm',
    key: current!.id.toString('hex'),
    encode(value, subject) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', current!.secret, nonce);
      cipher.setAAD(Buffer.from(subject));
      const text = cipher.update(value);
      cipher.final();
      return Buffer.concat([current!.id, nonce, cipher.getAuthTag(), text]);
    },
    decode(value, subject) {
      const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
      const id = bytes.subarray(0, ID_BYTES).toString('hex');
      const key = find(id);
      if (!key) {
        throw new StatusError(
          'InternalError',
          `${subject} cannot be decrypted: its key ${id} is not in ${file}; restore that file from a backup`,
        );
      }
      const nonce = bytes.subarray(ID_BYTES, ID_BYTES + NONCE_BYTES);
      const tag = bytes.subarray(ID_BYTES + NONCE_BYTES, ID_BYTES + NONCE_BYTES + TAG_BYTES);
      try {
        const decipher = createDecipheriv('aes-256-gcm', key.secret, nonce, { authTagLength: TAG_BYTES });
        decipher.setAAD(Buffer.from(subject));
        decipher.setAuthTag(tag);
        const text = decipher.update(bytes.subarray(ID_BYTES + NONCE_BYTES + TAG_BYTES));
        decipher.final();
        return text;
      } catch (error) {
        throw new StatusError(
          'InternalError',
          `${subject} cannot be decrypted: its value was damaged, or belongs to another object; restore it from a backup`,
          {},
          { cause: error },
        );
      }
    },
  };
}
