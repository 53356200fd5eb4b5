import {
  type CertificateAuthority,
  type Context,
  type Controller,
  controller,
  isStatus,
  keyOf,
  keyOfObject,
  type ObjectKey,
  parseKey,
  type Secret,
  Secrets,
  ServiceAccounts,
  type ServiceAccountTokens,
  source,
} from 'orlop/plugin';

const TYPE = 'kubernetes.io/service-account-token';
const NAME = 'kubernetes.io/service-account.name';
const UID = 'kubernetes.io/service-account.uid';

type Needs = Pick<Context, 'objects' | 'log' | 'signal'> & {
  services: { tokens: ServiceAccountTokens; ca: CertificateAuthority | undefined };
};

/** Reconciles token Secrets by key. Source: kubernetes `pkg/controller/serviceaccount/tokens_controller.go`. */
export function run(ctx: Needs): Controller {
  const { objects } = ctx;
  const { tokens, ca } = ctx.services;
  /** Keys of the token Secrets of each account. */
  const byAccount = new Map<string, Set<string>>();

  async function reconcile(key: string): Promise<void> {
    const where = parseKey(key);
    const secret = (await objects.get(Secrets, where, { revision: 0 }))?.value;
    const name = secret && accountOf(secret);
    if (!secret || name === undefined || secret.metadata?.deletionTimestamp !== undefined) return;
    const account = (await objects.get(ServiceAccounts, { namespace: where.namespace, name }))?.value;
    const uid = account?.metadata?.uid;
    const known = secret.metadata?.annotations?.[UID];
    if (uid === undefined || (known && known !== uid)) return remove(where, secret);
    await fill(where, secret, name, uid);
  }

  /** A token of nobody is of no use, and would be somebody else's once there is an account of that name again. */
  async function remove(where: ObjectKey, { metadata }: Secret): Promise<void> {
    try {
      await objects.delete(Secrets, where, { uid: metadata?.uid });
    } catch (error) {
      if (!isStatus(error, 'NotFound') && !isStatus(error, 'Conflict')) throw error;
    }
  }

  async function fill(where: ObjectKey, secret: Secret, account: string, uid: string): Promise<void> {
    const namespace = where.namespace ?? '';
    const wanted: Record<string, string> = {
      ...(ca ? { 'ca.crt': base64(ca.certificate) } : {}),
      namespace: base64(namespace),
      token: secret.data?.['token'] || base64(await tokens.issueForSecret(namespace, account, where.name)),
    };
    await objects.modify(Secrets, where, (draft) => {
      if (draft.metadata?.uid !== secret.metadata?.uid) return false;
      const data = { ...draft.data };
      let isChanged = draft.metadata?.annotations?.[UID] !== uid;
      for (const [name, value] of Object.entries(wanted)) {
        if (data[name] === value || (name === 'token' && data[name])) continue;
        data[name] = value;
        isChanged = true;
      }
      if (!isChanged) return false;
      draft.data = data;
      draft.metadata!.annotations = { ...draft.metadata!.annotations, [UID]: uid };
      return true;
    });
  }

  return controller(ctx, {
    sources: [
      source(ctx, Secrets, (secret, previous) => {
        const key = keyOfObject(secret);
        for (const each of [previous, secret]) {
          const account = each && accountOf(each);
          if (account === undefined) continue;
          const accountKey = keyOf({ namespace: secret.metadata?.namespace, name: account });
          const keys = byAccount.get(accountKey) ?? new Set();
          byAccount.set(accountKey, keys.add(key));
        }
        return accountOf(secret) === undefined ? [] : [key];
      }),
      source(ctx, ServiceAccounts, (account) => byAccount.get(keyOfObject(account)) ?? []),
    ],
    reconcile,
  });
}

/** The account whose token the Secret asks for. */
function accountOf({ type, metadata }: Secret): string | undefined {
  return type === TYPE ? metadata?.annotations?.[NAME] : undefined;
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
