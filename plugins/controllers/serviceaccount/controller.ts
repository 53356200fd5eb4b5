import {
  type CertificateAuthority,
  ConfigMaps,
  type Context,
  type Controller,
  controller,
  isStatus,
  type KubeObject,
  Namespaces,
  type Resource,
  ServiceAccounts,
  source,
} from 'orlop/plugin';

const ACCOUNT = 'default';
const ROOT_CA = 'kube-root-ca.crt';
const CA_KEY = 'ca.crt';

type Needs = Pick<Context, 'objects' | 'log' | 'signal'> & {
  services: { ca: CertificateAuthority | undefined };
};

/** Reconciles namespaces by name: what each has to have is made again when it is deleted or altered. */
export function run(ctx: Needs): Controller {
  const { objects } = ctx;
  const certificate = ctx.services.ca?.certificate;

  function named(resource: Resource<KubeObject>, name: string): ReturnType<typeof source> {
    return source(ctx, resource, (object) => {
      const { namespace, name: own } = object.metadata ?? {};
      return own === name && namespace !== undefined ? [namespace] : [];
    });
  }

  async function reconcile(name: string): Promise<void> {
    const namespace = (await objects.get(Namespaces, { name }, { revision: 0 }))?.value;
    if (!namespace || namespace.metadata?.deletionTimestamp !== undefined) return;
    const account = await objects.get(ServiceAccounts, { namespace: name, name: ACCOUNT }, { revision: 0 });
    if (!account) {
      const metadata = { namespace: name, name: ACCOUNT };
      await unlessExists(
        objects.create(ServiceAccounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata }),
      );
    }
    if (certificate !== undefined) await publish(name, certificate);
  }

  async function publish(namespace: string, pem: string): Promise<void> {
    const key = { namespace, name: ROOT_CA };
    const existing = await objects.get(ConfigMaps, key, { revision: 0 });
    if (existing?.value.data?.[CA_KEY] === pem) return;
    if (existing) {
      await objects.modify(ConfigMaps, key, (draft) => {
        draft.data = { [CA_KEY]: pem };
      });
      return;
    }
    const annotations = {
      'kubernetes.io/description':
        'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc.',
    };
    await unlessExists(
      objects.create(ConfigMaps, {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { ...key, annotations },
        data: { [CA_KEY]: pem },
      }),
    );
  }

  return controller(ctx, {
    sources: [
      source(ctx, Namespaces),
      named(ServiceAccounts, ACCOUNT),
      ...(certificate === undefined ? [] : [named(ConfigMaps, ROOT_CA)]),
    ],
    reconcile,
  });
}

async function unlessExists(result: Promise<unknown>): Promise<void> {
  try {
    await result;
  } catch (error) {
    if (!isStatus(error, 'AlreadyExists')) throw error;
  }
}
