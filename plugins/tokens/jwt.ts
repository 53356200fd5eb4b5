import { type KeyObject, sign, verify } from 'node:crypto';

/** JSON Web Tokens signed by ECDSA on P-256 (ES256): RFC 7515, 7518 3.4, 7519. No other algorithm is ever accepted. */
const ALGORITHM = 'ES256';
const SIGNATURE = { dsaEncoding: 'ieee-p1363' } as const;

export type Claims = Record<string, unknown>;

export function signToken(claims: Claims, kid: string, key: KeyObject): string {
  const content = `${encode({ alg: ALGORITHM, kid })}.${encode(claims)}`;
  const signature = sign('sha256', Buffer.from(content), { key, ...SIGNATURE });
  return `${content}.${signature.toString('base64url')}`;
}

/** The id of the key that a token says it is signed with; `undefined` for what is no such token. */
export function keyIdOf(token: string): string | undefined {
  const parts = token.split('.');
  if (parts.length !== 3) return undefined;
  const { alg, kid, crit } = decode(parts[0]!) ?? {};
  return alg === ALGORITHM && crit === undefined && typeof kid === 'string' ? kid : undefined;
}

/** What the token says, if this key signed it. Whether it is valid now is for the caller to find out. */
export function readToken(token: string, key: KeyObject): Claims | undefined {
  const [header = '', payload = '', signature = ''] = token.split('.');
  const content = Buffer.from(`${header}.${payload}`);
  const bytes = Buffer.from(signature, 'base64url');
  // One text per signature: what decodes to the same bytes is refused.
  if (bytes.toString('base64url') !== signature) return undefined;
  return verify('sha256', content, { key, ...SIGNATURE }, bytes) ? decode(payload) : undefined;
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function decode(part: string): Claims | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString());
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Claims)
      : undefined;
  } catch {
    return undefined;
  }
}
