import { sign, verify } from 'node:crypto';

/** @import { KeyObject } from 'node:crypto' */
/** @typedef {Record<string, unknown>} Claims */

/** JSON Web Tokens signed by ECDSA on P-256 (RFC 7515, and 7518 3.4). No other algorithm is ever accepted. */
const ALGORITHM = 'ES256';
const SIGNATURE = /** @type {const} */ ({ dsaEncoding: 'ieee-p1363' });

/** @param {Claims} claims @param {string} kid @param {KeyObject} key */
export function signToken(claims, kid, key) {
  const content = `${encode({ alg: ALGORITHM, kid })}.${encode(claims)}`;
  const signature = sign('sha256', Buffer.from(content), { key, ...SIGNATURE });
  return `${content}.${signature.toString('base64url')}`;
}

/**
 * What a token says, if the key signed it that it names; whether that is true now is for the caller to find out.
 * @param {string} token @param {(kid: string) => Promise<KeyObject | undefined>} find
 */
export async function readToken(token, find) {
  const [header = '', payload = '', signature = '', ...rest] = token.split('.');
  const { alg, kid, crit } = decode(header) ?? {};
  if (rest.length > 0 || alg !== ALGORITHM || crit !== undefined || typeof kid !== 'string') return undefined;
  const bytes = Buffer.from(signature, 'base64url');
  // One text for a signature: another that decodes to the same bytes is refused.
  if (bytes.toString('base64url') !== signature) return undefined;
  const key = await find(kid);
  const content = Buffer.from(`${header}.${payload}`);
  return key && verify('sha256', content, { key, ...SIGNATURE }, bytes) ? decode(payload) : undefined;
}

/** @param {object} value */
function encode(value) {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** @param {string} part @returns {Claims | undefined} */
function decode(part) {
  try {
    const value = JSON.parse(Buffer.from(part, 'base64url').toString());
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
