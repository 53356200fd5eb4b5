import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  isStatus,
  type KubeObject,
  type ObjectClient,
  type Resource,
  StatusError,
  writePrivate,
} from 'orlop/plugin';

/** A public key by which some server's tokens are known. Kept in the store; the HTTP API does not serve it, so that nobody adds one. */
interface SigningKey extends KubeObject {
  spec: { jwk: Record<string, unknown> };
}

export const SigningKeys: Resource<SigningKey> = {
  group: 'orlop.dev',
  version: 'v1',
  resource: 'signingkeys',
  kind: 'SigningKey',
  namespaced: false,
};

/**
 * The private key never leaves this server's folder; the public one is in the store, where every server finds every other's. A server
 * that comes back without its folder makes a new key, and the old one's tokens stay valid.
 */
export class Keys {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly #objects: ObjectClient;
  readonly #known = new Map<string, KeyObject>();

  private constructor(objects: ObjectClient, privateKey: KeyObject) {
    this.#objects = objects;
    this.privateKey = privateKey;
    const publicKey = createPublicKey(privateKey);
    this.kid = idOf(publicKey);
    this.#known.set(this.kid, publicKey);
  }

  static async open(folder: string, objects: ObjectClient): Promise<Keys> {
    const keys = new Keys(objects, privateKey(join(folder, 'signing.key')));
    await keys.#publish();
    return keys;
  }

  async find(kid: string): Promise<KeyObject | undefined> {
    const known = this.#known.get(kid);
    if (known) return known;
    // Names are ids: what has no such form need not be looked for.
    if (!/^[A-Za-z0-9_-]{43}$/.test(kid)) return undefined;
    const stored = await this.#objects.get(SigningKeys, { name: kid }, { revision: 0 });
    const jwk = (stored ?? (await this.#objects.get(SigningKeys, { name: kid })))?.value.spec.jwk;
    if (!jwk) return undefined;
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    this.#known.set(kid, key);
    return key;
  }

  async all(): Promise<Record<string, unknown>[]> {
    const { items } = await this.#objects.list(SigningKeys);
    return items.map(({ value }) => value.spec.jwk);
  }

  async #publish(): Promise<void> {
    const jwk = createPublicKey(this.privateKey).export({ format: 'jwk' });
    try {
      await this.#objects.create(SigningKeys, {
        apiVersion: 'orlop.dev/v1',
        kind: SigningKeys.kind,
        metadata: { name: this.kid },
        spec: { jwk: { ...jwk, kid: this.kid, alg: 'ES256', use: 'sig' } },
      });
    } catch (error) {
      if (!isStatus(error, 'AlreadyExists')) throw error;
    }
  }
}

/** As upstream: SHA-256 of the key's DER form. */
function idOf(key: KeyObject): string {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('base64url');
}

/** The key in the file (ECDSA P-256), made when there is none. */
function privateKey(file: string): KeyObject {
  let pem: string | undefined;
  try {
    pem = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  if (pem === undefined) {
    const made = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    writePrivate(file, made.export({ type: 'pkcs8', format: 'pem' }) as string);
    return made;
  }
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw new StatusError(
      'InternalError',
      `${file} is no private key: restore it from a backup, or remove it to make a new one (tokens stay valid)`,
      {},
      { cause: error },
    );
  }
}
