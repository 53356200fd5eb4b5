import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { isStatus, writePrivate } from 'orlop/plugin';

/** @import { KeyObject } from 'node:crypto' */
/** @import { KubeObject, ObjectClient, Resource } from 'orlop/plugin' */

/**
 * The public keys of all servers, also of those that run the standard plugin: whichever signed a token, it is good at each. The HTTP API
 * does not serve them, so nobody adds one.
 * @type {Resource<KubeObject & { spec: { jwk: Record<string, unknown> } }>}
 */
export const SigningKeys = {
  group: 'orlop.dev',
  version: 'v1',
  resource: 'signingkeys',
  kind: 'SigningKey',
  namespaced: false,
};

/** This server's key, which never leaves its file, and everybody's public ones. */
export class Keys {
  #objects;
  #known = /** @type {Map<string, KeyObject>} */ (new Map());

  /** @param {ObjectClient} objects @param {KeyObject} privateKey */
  constructor(objects, privateKey) {
    this.#objects = objects;
    this.privateKey = privateKey;
    this.publicKey = createPublicKey(privateKey);
    const der = this.publicKey.export({ type: 'spki', format: 'der' });
    this.kid = createHash('sha256').update(der).digest('base64url');
    this.#known.set(this.kid, this.publicKey);
  }

  /** @param {string} file @param {ObjectClient} objects */
  static async open(file, objects) {
    if (!existsSync(file)) {
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      writePrivate(file, String(privateKey.export({ type: 'pkcs8', format: 'pem' })));
    }
    const keys = new Keys(objects, createPrivateKey(readFileSync(file, 'utf8')));
    await keys.#publish();
    return keys;
  }

  /** @param {string} kid */
  async find(kid) {
    const known = this.#known.get(kid);
    // What has not the form of such a name need not be looked for.
    if (known || !/^[\w-]{43}$/.test(kid)) return known;
    const stored = await this.#objects.get(SigningKeys, { name: kid });
    if (!stored) return undefined;
    const key = createPublicKey({ key: stored.value.spec.jwk, format: 'jwk' });
    this.#known.set(kid, key);
    return key;
  }

  async all() {
    const { items } = await this.#objects.list(SigningKeys);
    return items.map(({ value }) => value.spec.jwk);
  }

  async #publish() {
    const jwk = { ...this.publicKey.export({ format: 'jwk' }), kid: this.kid, alg: 'ES256', use: 'sig' };
    const about = { apiVersion: 'orlop.dev/v1', kind: SigningKeys.kind, metadata: { name: this.kid } };
    try {
      await this.#objects.create(SigningKeys, { ...about, spec: { jwk } });
    } catch (error) {
      if (!isStatus(error, 'AlreadyExists')) throw error;
    }
  }
}
