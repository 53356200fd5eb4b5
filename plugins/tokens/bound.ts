import {
  conflict,
  type KubeObject,
  Nodes,
  notFound,
  type ObjectClient,
  type ObjectKey,
  Pods,
  type Resource,
  Secrets,
  type ServiceAccount,
  ServiceAccounts,
  StatusError,
  type TokenRequestSpec,
} from 'orlop/plugin';
import type { Named, Subject } from './claims.ts';

/** From the cache; from the store itself when the cache lacks it, since another server may just have made it. */
export async function current<T extends KubeObject>(
  objects: ObjectClient,
  resource: Resource<T>,
  key: ObjectKey,
  uid?: string,
): Promise<T | undefined> {
  const cached = await objects.get(resource, key, { revision: 0 });
  if (cached && (uid === undefined || cached.value.metadata?.uid === uid)) return cached.value;
  return (await objects.get(resource, key))?.value;
}

export async function findAccount(
  objects: ObjectClient,
  namespace: string,
  name: string,
): Promise<ServiceAccount> {
  const account = await current(objects, ServiceAccounts, { namespace, name });
  if (!account) throw notFound(ServiceAccounts, name);
  return account;
}

/** The account and what its token is to be bound to. Source: kubernetes `registry/core/serviceaccount/storage/token.go`. */
export async function subjectFor(
  objects: ObjectClient,
  namespace: string,
  accountName: string,
  reference: TokenRequestSpec['boundObjectRef'],
): Promise<Subject> {
  const account = named(await findAccount(objects, namespace, accountName));
  if (!reference) return { namespace, account };
  const { apiVersion = 'v1', kind = '', name = '', uid } = reference;
  if (apiVersion === 'v1' && kind === 'Pod') {
    const pod = await find(objects, Pods, { namespace, name }, uid);
    if ((pod.spec?.serviceAccountName ?? 'default') !== accountName) {
      throw new StatusError(
        'BadRequest',
        `cannot bind token for serviceaccount "${accountName}" to pod running with different serviceaccount name.`,
      );
    }
    const nodeName = pod.spec?.nodeName;
    const node = nodeName ? await current(objects, Nodes, { name: nodeName }) : undefined;
    return { namespace, account, pod: named(pod), ...(node ? { node: named(node) } : {}) };
  }
  if (apiVersion === 'v1' && kind === 'Secret') {
    return { namespace, account, secret: named(await find(objects, Secrets, { namespace, name }, uid)) };
  }
  if (apiVersion === 'v1' && kind === 'Node') {
    return { namespace, account, node: named(await find(objects, Nodes, { name }, uid)) };
  }
  throw new StatusError('BadRequest', `cannot bind token to object of type ${apiVersion}, Kind=${kind}`);
}

async function find<T extends KubeObject>(
  objects: ObjectClient,
  resource: Resource<T>,
  key: ObjectKey,
  uid: string | undefined,
): Promise<T> {
  const object = await current(objects, resource, key, uid);
  if (!object) throw notFound(resource, key.name);
  if (uid && uid !== object.metadata?.uid) {
    throw conflict(
      resource,
      key.name,
      `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  }
  return object;
}

function named({ metadata }: KubeObject): Named {
  return { name: metadata?.name ?? '', uid: metadata?.uid ?? '' };
}

/** For how long what is being deleted still counts, so that a pod can say goodbye. */
const DELETED_MS = 60_000;

/** Whether everything a token is about is still there, and still the same. Source: kubernetes `pkg/serviceaccount/claims.go`, Validate. */
export async function isThere(objects: ObjectClient, subject: Subject, now: number): Promise<boolean> {
  const { namespace, account, pod, secret, node } = subject;
  const checks: [Resource, ObjectKey, string][] = [
    [ServiceAccounts, { namespace, name: account.name }, account.uid],
  ];
  if (pod) checks.push([Pods, { namespace, name: pod.name }, pod.uid]);
  if (secret) checks.push([Secrets, { namespace, name: secret.name }, secret.uid]);
  // A pod's node is told, not required: it is what the pod is bound to that ends with it.
  if (node && !pod) checks.push([Nodes, { name: node.name }, node.uid]);
  for (const [resource, key, uid] of checks) {
    const object = await current(objects, resource, key, uid);
    if (!object || object.metadata?.uid !== uid) return false;
    const { deletionTimestamp } = object.metadata;
    if (deletionTimestamp !== undefined && Date.parse(deletionTimestamp) < now - DELETED_MS) return false;
  }
  return true;
}
