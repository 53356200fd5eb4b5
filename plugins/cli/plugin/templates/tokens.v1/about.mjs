import { conflict, Nodes, notFound, Pods, Secrets, ServiceAccounts, StatusError } from 'orlop/plugin';

/** @import { KubeObject, ObjectClient, Resource, TokenRequestSpec } from 'orlop/plugin' */
/** @import { Claims } from './jwt.mjs' */

/** @typedef {{ name: string, uid: string }} Named */
/** @typedef {{ namespace: string, serviceaccount: Named, pod?: Named, secret?: Named, node?: Named }} About What a token is about, as its claim `kubernetes.io` says it. */

/** @type {['serviceaccount' | 'pod' | 'secret' | 'node', Resource][]} */
const CLAIMS = [
  ['serviceaccount', ServiceAccounts],
  ['pod', Pods],
  ['secret', Secrets],
  ['node', Nodes],
];

/** The issuer of the tokens in Secrets, which name no audience and do not expire. */
export const LEGACY_ISSUER = 'kubernetes/serviceaccount';
const LEGACY = 'kubernetes.io/serviceaccount';

/**
 * @param {ObjectClient} objects @param {string} namespace @param {string} account
 * @param {TokenRequestSpec['boundObjectRef']} [reference] what else the token is bound to
 * @returns {Promise<About>}
 */
export async function aboutFor(objects, namespace, account, reference) {
  const serviceaccount = named(await find(objects, ServiceAccounts, namespace, account));
  if (!reference) return { namespace, serviceaccount };
  const { apiVersion = 'v1', kind = '', name = '', uid } = reference;
  const [claim, resource] = CLAIMS.find((each) => each[1].kind === kind) ?? [];
  if (apiVersion !== 'v1' || !resource || resource === ServiceAccounts)
    throw new StatusError('BadRequest', `cannot bind token to object of type ${apiVersion}, Kind=${kind}`);
  const object = await find(objects, resource, namespace, name);
  if (uid && uid !== object.metadata?.uid) throw conflict(resource, name, `its UID is not ${uid}`);
  const { serviceAccountName = 'default' } = /** @type {any} */ (object).spec ?? {};
  if (kind === 'Pod' && serviceAccountName !== account)
    throw new StatusError('BadRequest', `pod ${name} runs as ${serviceAccountName}, not as ${account}`);
  return { namespace, serviceaccount, [claim ?? '']: named(object) };
}

/** Whether all of it is there still, and the same. @param {ObjectClient} objects @param {About} about */
export async function isThere(objects, about) {
  for (const [claim, resource] of CLAIMS) {
    const wanted = about[claim];
    if (!wanted) continue;
    const found = await get(objects, resource, about.namespace, wanted.name);
    if (found?.metadata?.uid !== wanted.uid) return false;
  }
  return true;
}

/** @param {About} about */
export function username({ namespace, serviceaccount }) {
  return `system:serviceaccount:${namespace}:${serviceaccount.name}`;
}

/** The claims of a Secret's token. @param {About} about @param {string} secret @returns {Claims} */
export function legacyClaims(about, secret) {
  const { namespace, serviceaccount } = about;
  return {
    iss: LEGACY_ISSUER,
    sub: username(about),
    [`${LEGACY}/namespace`]: namespace,
    [`${LEGACY}/secret.name`]: secret,
    [`${LEGACY}/service-account.name`]: serviceaccount.name,
    [`${LEGACY}/service-account.uid`]: serviceaccount.uid,
  };
}

/**
 * What a Secret's token is about; `undefined` when the Secret does not hold it any more.
 * @param {ObjectClient} objects @param {string} token @param {Claims} claims @returns {Promise<About | undefined>}
 */
export async function legacyAbout(objects, token, claims) {
  const say = (/** @type {string} */ what) => String(claims[`${LEGACY}/${what}`]);
  const namespace = say('namespace');
  const secret = await get(objects, Secrets, namespace, say('secret.name'));
  if (Buffer.from(secret?.data?.['token'] ?? '', 'base64').toString() !== token) return undefined;
  return {
    namespace,
    serviceaccount: { name: say('service-account.name'), uid: say('service-account.uid') },
  };
}

/** @template {KubeObject} T @param {ObjectClient} objects @param {Resource<T>} resource @param {string} namespace @param {string} name */
async function get(objects, resource, namespace, name) {
  return (await objects.get(resource, resource.namespaced ? { namespace, name } : { name }))?.value;
}

/** @param {ObjectClient} objects @param {Resource} resource @param {string} namespace @param {string} name */
async function find(objects, resource, namespace, name) {
  const found = await get(objects, resource, namespace, name);
  if (!found) throw notFound(resource, name);
  return found;
}

/** @param {KubeObject} object @returns {Named} */
function named({ metadata }) {
  return { name: metadata?.name ?? '', uid: metadata?.uid ?? '' };
}
