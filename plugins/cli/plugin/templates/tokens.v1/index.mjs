import { join } from 'node:path';
import {
  definePlugin,
  Nodes,
  Pods,
  provide,
  Secrets,
  ServiceAccounts,
  ServiceAccountTokens,
  StatusError,
  TOKEN_SUBJECT,
  timestamp,
} from 'orlop/plugin';
import { aboutFor, isThere, LEGACY_ISSUER, legacyAbout, legacyClaims, username } from './about.mjs';
import { readToken, signToken } from './jwt.mjs';
import { Keys, SigningKeys } from './keys.mjs';

/** @import { Json, ObjectClient, TokenParams } from 'orlop/plugin' */
/** @import { About } from './about.mjs' */
/** @import { Claims } from './jwt.mjs' */

const ISSUER = 'https://kubernetes.default.svc.cluster.local';
/** Seconds. */
const LIFETIME = { least: 600, given: 3_600, most: 2 ** 32 };
/** Seconds that other servers' clocks may be off. */
const LEEWAY = 60;

/** @param {ObjectClient} objects @param {Keys} keys @returns {ServiceAccountTokens} */
export function tokens(objects, keys) {
  return {
    issuer: ISSUER,
    audiences: [ISSUER],

    async issue(namespace, account, { audiences, boundObjectRef, expirationSeconds = LIFETIME.given }) {
      if (!(expirationSeconds >= LIFETIME.least && expirationSeconds <= LIFETIME.most)) {
        const why = `Invalid value: ${expirationSeconds}: must be from 10 minutes to 2^32 seconds`;
        throw new StatusError('Invalid', `spec.expirationSeconds: ${why}`);
      }
      const about = await aboutFor(objects, namespace, account, boundObjectRef);
      const aud = audiences?.length ? audiences : [ISSUER];
      const iat = Math.floor(Date.now() / 1_000);
      const exp = iat + expirationSeconds;
      const claims = { iss: ISSUER, sub: username(about), aud, iat, nbf: iat, exp, 'kubernetes.io': about };
      return {
        token: signToken(claims, keys.kid, keys.privateKey),
        expirationTimestamp: timestamp(new Date(exp * 1_000)),
        audiences: aud,
      };
    },

    async issueForSecret(namespace, account, secret) {
      const about = await aboutFor(objects, namespace, account);
      return signToken(legacyClaims(about, secret), keys.kid, keys.privateKey);
    },

    async verify(token, wanted) {
      const claims = await readToken(token, (kid) => keys.find(kid));
      if (!claims) return undefined;
      const isLegacy = claims['iss'] === LEGACY_ISSUER;
      const about = isLegacy ? await legacyAbout(objects, token, claims) : aboutIn(claims);
      const audiences = wanted.filter((each) =>
        (isLegacy ? [ISSUER] : [claims['aud']].flat()).includes(each),
      );
      if (!about || audiences.length === 0 || !(await isThere(objects, about))) return undefined;
      const all = 'system:serviceaccounts';
      const groups = [all, `${all}:${about.namespace}`, 'system:authenticated'];
      return { user: { username: username(about), uid: about.serviceaccount.uid, groups }, audiences };
    },

    keySet: async () => ({ keys: await keys.all() }),
  };
}

/** What a token is about that is of this cluster, and of now. @param {Claims} claims */
function aboutIn({ iss, exp, nbf, 'kubernetes.io': about }) {
  const now = Date.now() / 1_000;
  const isTimely = now <= Number(exp) + LEEWAY && now >= Number(nbf) - LEEWAY;
  return iss === ISSUER && isTimely ? /** @type {About} */ (about) : undefined;
}

export default definePlugin({
  name: 'my-plugin',
  kind: 'tokens.v1',
  version: '0.1.0',
  description: 'Issues the tokens of ServiceAccounts and says whose a token is.',
  provides: [ServiceAccountTokens],
  grants: {
    objects: [
      { resource: SigningKeys, verbs: ['get', 'list', 'create'] },
      { resource: ServiceAccounts, verbs: ['get'] },
      { resource: Pods, verbs: ['get'] },
      { resource: Secrets, verbs: ['get'] },
      { resource: Nodes, verbs: ['get'] },
    ],
    subscribe: [TOKEN_SUBJECT],
    host: ['files'],
  },
  async start({ objects, bus, dataDir, defer }) {
    const service = tokens(objects, await Keys.open(join(dataDir, 'signing.key'), objects));
    /** @param {Json} params */
    const answer = async (params) => {
      const { namespace, account, spec } = /** @type {TokenParams} */ (/** @type {unknown} */ (params));
      // Nodes need tokens for their pods, and for nobody else.
      if (spec.boundObjectRef?.kind !== 'Pod' || !spec.boundObjectRef.uid)
        throw new StatusError('Forbidden', 'a node may ask for tokens that are bound to a pod only');
      return /** @type {Json} */ (/** @type {unknown} */ (await service.issue(namespace, account, spec)));
    };
    const requests = bus.serve(TOKEN_SUBJECT, answer, { queue: 'tokens' });
    defer(() => requests.close());
    return { provides: [provide(ServiceAccountTokens, service)] };
  },
});
