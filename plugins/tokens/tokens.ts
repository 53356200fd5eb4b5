import { randomUUID } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import {
  type ObjectClient,
  Secrets,
  type ServiceAccountTokens,
  StatusError,
  type TokenRequestSpec,
  timestamp,
  type UserInfo,
} from 'orlop/plugin';
import { current, findAccount, isThere, subjectFor } from './bound.ts';
import {
  claimsOf,
  isApiAccess,
  LEGACY_ISSUER,
  legacyClaims,
  legacySubject,
  type Named,
  type Subject,
  subjectOf,
  username,
} from './claims.ts';
import type { TokensConfig } from './config.ts';
import { type Claims, keyIdOf, readToken, signToken } from './jwt.ts';
import type { Keys } from './keys.ts';

const DEFAULT_SECONDS = 3600;
const LEAST_SECONDS = 600;
const MOST_SECONDS = 2 ** 32;
/** How far other servers' clocks may be off, in seconds. */
const LEEWAY = 60;
/** Signatures found good, so that each request of a client need not pay for another look. */
const REMEMBERED = 2_000;

/** `now`: milliseconds since the epoch. */
export function serviceAccountTokens(
  objects: ObjectClient,
  keys: Keys,
  { issuer, audiences: configured, maxExpirationSeconds }: TokensConfig,
  now: () => number = Date.now,
): ServiceAccountTokens {
  const audiences = configured.length > 0 ? configured : [issuer];
  const signed = new LRUCache<string, Claims>({ max: REMEMBERED });

  async function claimsIn(token: string): Promise<Claims | undefined> {
    const known = signed.get(token);
    if (known) return known;
    const kid = keyIdOf(token);
    const key = kid === undefined ? undefined : await keys.find(kid);
    const claims = key && readToken(token, key);
    if (claims) signed.set(token, claims);
    return claims;
  }

  async function verifyLegacy(token: string, claims: Claims): Promise<UserInfo | undefined> {
    const about = legacySubject(claims);
    if (!about || claims['sub'] !== username(about.namespace, about.account.name)) return undefined;
    const { namespace, account } = about;
    const secret = await current(objects, Secrets, { namespace, name: about.secret });
    if (!secret || secret.metadata?.deletionTimestamp !== undefined) return undefined;
    if (Buffer.from(secret.data?.['token'] ?? '', 'base64').toString() !== token) return undefined;
    const isValid = await isThere(objects, { namespace, account }, now());
    return isValid ? userOf({ namespace, account }) : undefined;
  }

  return {
    issuer,
    audiences,

    async issue(namespace, account, spec) {
      const seconds = Math.min(lifetime(spec), maxExpirationSeconds);
      const asked = spec.audiences?.length ? spec.audiences : audiences;
      const subject = await subjectFor(objects, namespace, account, spec.boundObjectRef);
      const isForApi = asked.every((each) => audiences.includes(each));
      const isExtended = isApiAccess(seconds, isForApi, subject.pod !== undefined);
      const times = { now: Math.floor(now() / 1000), expirationSeconds: seconds };
      const claims = claimsOf(subject, issuer, asked, times, randomUUID(), isExtended);
      return {
        token: signToken(claims, keys.kid, keys.privateKey),
        expirationTimestamp: timestamp(new Date((times.now + seconds) * 1000)),
        audiences: [...asked],
      };
    },

    async issueForSecret(namespace, name, secret) {
      const { metadata } = await findAccount(objects, namespace, name);
      const account: Named = { name, uid: metadata?.uid ?? '' };
      return signToken(legacyClaims(namespace, account, secret), keys.kid, keys.privateKey);
    },

    async verify(token, wanted) {
      const claims = await claimsIn(token);
      if (!claims) return undefined;
      if (claims['iss'] === LEGACY_ISSUER) {
        // It says nothing of audiences: it is from before there were any, when there was but the API server.
        const shared = wanted.filter((each) => audiences.includes(each));
        const user = shared.length > 0 ? await verifyLegacy(token, claims) : undefined;
        return user && { user, audiences: shared };
      }
      const shared = wanted.filter((each) => audiencesIn(claims).includes(each));
      const subject = subjectOf(claims);
      if (claims['iss'] !== issuer || shared.length === 0 || !subject) return undefined;
      if (!isTimely(claims, now() / 1000) || !(await isThere(objects, subject, now()))) return undefined;
      return { user: userOf(subject, claims['jti']), audiences: shared };
    },

    keySet: async () => ({ keys: await keys.all() }),
  };
}

function lifetime({ expirationSeconds = DEFAULT_SECONDS }: TokenRequestSpec): number {
  const wrong = wrongLifetime(expirationSeconds);
  if (wrong === undefined) return expirationSeconds;
  const value = JSON.stringify(expirationSeconds);
  throw new StatusError('Invalid', `spec.expirationSeconds: Invalid value: ${value}: ${wrong}`);
}

/** Source: kubernetes `pkg/apis/authentication/validation/validation.go`. */
function wrongLifetime(seconds: number): string | undefined {
  if (!(seconds >= LEAST_SECONDS)) return 'may not specify a duration less than 10 minutes';
  return seconds > MOST_SECONDS ? 'may not specify a duration larger than 2^32 seconds' : undefined;
}

function audiencesIn({ aud }: Claims): unknown[] {
  return Array.isArray(aud) ? aud : [aud];
}

/** A token without an end would be one that somebody else made. */
function isTimely({ exp, nbf }: Claims, now: number): boolean {
  return typeof exp === 'number' && now <= exp + LEEWAY && typeof nbf === 'number' && now >= nbf - LEEWAY;
}

const EXTRA = 'authentication.kubernetes.io';

/** Source: apiserver `pkg/authentication/serviceaccount/util.go`. */
function userOf({ namespace, account, pod, node }: Subject, jti?: unknown): UserInfo {
  const extra: Record<string, string[]> = {
    ...(typeof jti === 'string' ? { [`${EXTRA}/credential-id`]: [`JTI=${jti}`] } : {}),
    ...(node ? { [`${EXTRA}/node-name`]: [node.name], [`${EXTRA}/node-uid`]: [node.uid] } : {}),
    ...(pod ? { [`${EXTRA}/pod-name`]: [pod.name], [`${EXTRA}/pod-uid`]: [pod.uid] } : {}),
  };
  return {
    username: username(namespace, account.name),
    uid: account.uid,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
    ...(Object.keys(extra).length > 0 ? { extra } : {}),
  };
}
