import type { Claims } from './jwt.ts';

/** An object as a token names it. */
export interface Named {
  name: string;
  uid: string;
}

/** What a token is about. */
export interface Subject {
  namespace: string;
  account: Named;
  pod?: Named;
  secret?: Named;
  /** Of the pod, or what the token is bound to itself. */
  node?: Named;
}

export interface Times {
  /** Seconds since the epoch. */
  now: number;
  expirationSeconds: number;
}

/** What the volume that every pod has asks for: the odd number tells its tokens from others, as upstream. */
const API_ACCESS_SECONDS = 3607;
const YEAR = 365 * 24 * 3600;

/** The claims of a token, with upstream's names. Source: kubernetes `pkg/serviceaccount/claims.go`. */
export function claimsOf(
  { namespace, account, pod, secret, node }: Subject,
  issuer: string,
  audiences: readonly string[],
  { now, expirationSeconds }: Times,
  jti: string,
  isExtended: boolean,
): Claims {
  // What was written before tokens expired reads its file once: those of pods' own volume are good for a year, and replaced each hour.
  const seconds = isExtended ? YEAR : expirationSeconds;
  return {
    aud: [...audiences],
    exp: now + seconds,
    iat: now,
    iss: issuer,
    jti,
    'kubernetes.io': {
      namespace,
      ...(node ? { node } : {}),
      ...(pod ? { pod } : {}),
      ...(secret ? { secret } : {}),
      serviceaccount: account,
      ...(isExtended ? { warnafter: now + expirationSeconds } : {}),
    },
    nbf: now,
    sub: username(namespace, account.name),
  };
}

/** Whether a token is that of the volume every pod has. Source: kubernetes `registry/core/serviceaccount/storage/token.go`. */
export function isApiAccess(expirationSeconds: number, isForApi: boolean, isForPod: boolean): boolean {
  return expirationSeconds === API_ACCESS_SECONDS && isForApi && isForPod;
}

export function username(namespace: string, account: string): string {
  return `system:serviceaccount:${namespace}:${account}`;
}

const LEGACY = 'kubernetes.io/serviceaccount';
export const LEGACY_ISSUER = 'kubernetes/serviceaccount';

/** The claims of a Secret's token, which never expires. Source: kubernetes `pkg/serviceaccount/legacy.go`. */
export function legacyClaims(namespace: string, account: Named, secret: string): Claims {
  return {
    iss: LEGACY_ISSUER,
    [`${LEGACY}/namespace`]: namespace,
    [`${LEGACY}/secret.name`]: secret,
    [`${LEGACY}/service-account.name`]: account.name,
    [`${LEGACY}/service-account.uid`]: account.uid,
    sub: username(namespace, account.name),
  };
}

/** What a token of `legacyClaims` is about; `undefined` when something is missing. */
export function legacySubject(
  claims: Claims,
): { namespace: string; account: Named; secret: string } | undefined {
  const [namespace, secret, name, uid] = [
    'namespace',
    'secret.name',
    'service-account.name',
    'service-account.uid',
  ].map((each) => claims[`${LEGACY}/${each}`]);
  if (![namespace, secret, name, uid].every((each) => typeof each === 'string' && each !== ''))
    return undefined;
  return {
    namespace: namespace as string,
    secret: secret as string,
    account: { name: name as string, uid: uid as string },
  };
}

/** What a token of `claimsOf` is about; `undefined` when it is not of that form. */
export function subjectOf(claims: Claims): Subject | undefined {
  const about = claims['kubernetes.io'] as Record<string, unknown> | undefined;
  if (typeof about !== 'object' || about === null) return undefined;
  const { namespace, serviceaccount, pod, secret, node } = about;
  const account = named(serviceaccount);
  if (typeof namespace !== 'string' || !account) return undefined;
  if (claims['sub'] !== username(namespace, account.name)) return undefined;
  const [boundPod, boundSecret, boundNode] = [named(pod), named(secret), named(node)];
  return {
    namespace,
    account,
    ...(boundPod ? { pod: boundPod } : {}),
    ...(boundSecret ? { secret: boundSecret } : {}),
    ...(boundNode ? { node: boundNode } : {}),
  };
}

function named(value: unknown): Named | undefined {
  const { name, uid } = (value ?? {}) as Partial<Named>;
  return typeof name === 'string' && typeof uid === 'string' ? { name, uid } : undefined;
}
