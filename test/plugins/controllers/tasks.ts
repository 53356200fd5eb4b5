/** What each controller of the tree is for, as its conformance suite wants to know it. */
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { Pkcs10CertificateRequestGenerator } from '@peculiar/x509';
import {
  blobReference,
  CertificateSigningRequests,
  ClusterRoles,
  ConfigMaps,
  Deployments,
  EndpointSlices,
  Events,
  type KubeObject,
  Namespaces,
  Nodes,
  type OwnerReference,
  Plugins,
  type Pod,
  PodDisruptionBudgets,
  Pods,
  ReplicaSets,
  Secrets,
  ServiceAccounts,
  Services,
} from 'orlop/plugin';
import type { ControllerTask, ControllerWorld } from '../../conformance/index.ts';

const CONTAINERS = [{ name: 'main', image: 'app:1' }];

/** Labels of what each task is about. */
const labels = { app: 'web' };
const selector = { matchLabels: labels };

function ownedBy(kind: string, name: string, uid: string, isController = true): OwnerReference {
  const apiVersion = kind === 'ConfigMap' ? 'v1' : 'apps/v1';
  return { apiVersion, kind, name, uid, controller: isController, blockOwnerDeletion: true };
}

/** A reference to somebody there is not, and nobody here asks for. */
const foreign = { apiVersion: 'example.com/v1', kind: 'Other', name: 'o', uid: 'o', controller: true };

function readyPod(namespace: string, name: string, changes: Partial<NonNullable<Pod['metadata']>> = {}): Pod {
  return {
    metadata: { namespace, name, labels, ...changes },
    spec: { nodeName: 'n', containers: CONTAINERS },
    status: { phase: 'Running', podIP: '10.0.0.1', conditions: [{ type: 'Ready', status: 'True' }] },
  };
}

const webSpec = {
  replicas: 2,
  selector,
  template: { metadata: { labels }, spec: { containers: CONTAINERS } },
};

const deployment: ControllerTask = {
  ask: ({ objects, name: namespace }) =>
    objects.create(Deployments, { metadata: { namespace, name: 'web' }, spec: webSpec }),
  async done({ objects, name: namespace }) {
    const found = (await objects.get(Deployments, { namespace, name: 'web' }))?.value;
    const { items } = await objects.list(ReplicaSets, { namespace, owner: found?.metadata?.uid });
    return found?.status?.observedGeneration && items.length === 1 && items[0]?.value.spec?.replicas === 2;
  },
  async undo({ objects, name: namespace }) {
    const { items } = await objects.list(ReplicaSets, { namespace, where: isOwnedBy('Deployment') });
    for (const { key } of items)
      await objects.modify(ReplicaSets, key, (draft) => void Object.assign(draft.spec!, { replicas: 5 }));
  },
  others: ({ objects, name: namespace }) =>
    objects.create(ReplicaSets, {
      metadata: { namespace, name: 'other', labels, ownerReferences: [foreign] },
      spec: { ...webSpec, replicas: 5 },
    }),
};

const replicaset: ControllerTask = {
  ask: ({ objects, name: namespace }) =>
    objects.create(ReplicaSets, { metadata: { namespace, name: 'web' }, spec: webSpec }),
  async done({ objects, name: namespace }) {
    const found = (await objects.get(ReplicaSets, { namespace, name: 'web' }))?.value;
    const { items } = await objects.list(Pods, { namespace, owner: found?.metadata?.uid });
    return items.length === 2 && found?.status?.replicas === 2;
  },
  async undo({ objects, name: namespace }) {
    const { items } = await objects.list(Pods, { namespace, where: isOwnedBy('ReplicaSet') });
    await objects.delete(Pods, items[0]!.key);
  },
  async others({ objects, name: namespace }) {
    await objects.create(Pods, readyPod(namespace, 'foreign', { ownerReferences: [foreign] }));
    await objects.create(Pods, readyPod(namespace, 'unlabelled', { labels: {} }));
  },
};

const isOwnedBy =
  (kind: string) =>
  ({ metadata }: KubeObject): boolean =>
    metadata?.ownerReferences?.some((each) => each.kind === kind) ?? false;

const endpointslice: ControllerTask = {
  async ask({ objects, name: namespace }) {
    const spec = { selector: labels, clusterIP: '10.96.0.9', ports: [{ port: 80, targetPort: 8080 }] };
    await objects.create(Services, { metadata: { namespace, name: 'web' }, spec });
    await objects.create(Pods, readyPod(namespace, 'web-1'));
  },
  async done({ objects, name: namespace }) {
    const where = isOwnedBy('Service');
    const { items } = await objects.list(EndpointSlices, { namespace, where });
    return items.length === 1 && items[0]!.value.endpoints?.[0]?.addresses[0] === '10.0.0.1';
  },
  async undo({ objects, name: namespace }) {
    const where = isOwnedBy('Service');
    const { items } = await objects.list(EndpointSlices, { namespace, where });
    for (const { key } of items)
      await objects.modify(EndpointSlices, key, (draft) => void Object.assign(draft, { endpoints: [] }));
  },
  async others({ objects, name: namespace }) {
    const metadata = { namespace, name: 'by-hand', labels: { 'kubernetes.io/service-name': 'web' } };
    await objects.create(EndpointSlices, { metadata, addressType: 'IPv4', endpoints: [] });
    const spec = { clusterIP: '10.96.0.10', ports: [{ port: 80 }] };
    await objects.create(Services, { metadata: { namespace, name: 'without-selector' }, spec });
  },
};

const disruption: ControllerTask = {
  async ask({ objects, name: namespace }) {
    await objects.create(Pods, readyPod(namespace, 'web-1'));
    const spec = { minAvailable: 0, selector };
    await objects.create(PodDisruptionBudgets, { metadata: { namespace, name: 'web' }, spec });
  },
  async done({ objects, name: namespace }) {
    const found = await objects.get(PodDisruptionBudgets, { namespace, name: 'web' });
    return found?.value.status?.currentHealthy === 1 && found.value.status.disruptionsAllowed === 1;
  },
  undo: ({ objects, name: namespace }) =>
    objects.modify(PodDisruptionBudgets, { namespace, name: 'web' }, (draft) => {
      draft.status = { ...draft.status!, disruptionsAllowed: 7 };
    }),
  others: ({ objects, name: namespace }) =>
    objects.create(Pods, readyPod(namespace, 'unlabelled', { labels: {} })),
};

const namespace: ControllerTask = {
  async ask({ objects, name }) {
    await objects.create(Namespaces, { metadata: { name }, spec: { finalizers: ['kubernetes'] } });
    await objects.create(ConfigMaps, { metadata: { namespace: name, name: 'content' } });
    await objects.create(Deployments, { metadata: { namespace: name, name: 'web' }, spec: webSpec });
    await objects.delete(Namespaces, { name });
  },
  done: async ({ objects, name }) =>
    (await objects.list(ConfigMaps, { namespace: name })).items.length === 0 &&
    (await objects.list(Deployments, { namespace: name })).items.length === 0 &&
    !(await objects.get(Namespaces, { name })),
  sets: [Namespaces],
  async others({ objects, name }) {
    await objects.create(Namespaces, {
      metadata: { name: `${name}-stays` },
      spec: { finalizers: ['kubernetes'] },
    });
    await objects.create(ConfigMaps, { metadata: { namespace: `${name}-stays`, name: 'content' } });
  },
};

const garbagecollector: ControllerTask = {
  async ask({ objects, name: namespace }) {
    const metadata = { namespace, name: 'owner' };
    const owner = (await objects.create(ConfigMaps, { metadata })).value;
    for (const name of ['one', 'two']) {
      const ownerReferences = [ownedBy('ConfigMap', 'owner', owner.metadata!.uid!)];
      await objects.create(ConfigMaps, { metadata: { namespace, name, ownerReferences } });
    }
    await objects.delete(ConfigMaps, metadata);
  },
  done: async ({ objects, name: namespace }) =>
    (await objects.list(ConfigMaps, { namespace, where: isOwnedBy('ConfigMap') })).items.every(
      ({ key }) => key.name === 'held',
    ),
  async undo({ objects, name: namespace }) {
    const ownerReferences = [ownedBy('ConfigMap', 'owner', 'long-gone')];
    await objects.create(ConfigMaps, { metadata: { namespace, name: 'three', ownerReferences } });
  },
  async others({ objects, name: namespace }) {
    const metadata = { namespace, name: 'solid' };
    const { uid } = (await objects.create(ConfigMaps, { metadata })).value.metadata!;
    const ownerReferences = [ownedBy('ConfigMap', 'solid', uid!)];
    await objects.create(ConfigMaps, { metadata: { namespace, name: 'held', ownerReferences } });
    await objects.create(Secrets, { metadata: { namespace, name: 'unknown', ownerReferences: [foreign] } });
  },
};

const UNREACHABLE = 'node.kubernetes.io/unreachable';
const nodelifecycle: ControllerTask = {
  async ask({ objects, name }) {
    const conditions = [{ type: 'Ready', status: 'True', lastHeartbeatTime: '2020-01-01T00:00:00Z' }];
    await objects.create(Nodes, { metadata: { name }, spec: {}, status: { conditions } });
    const pod = readyPod(name, 'stranded');
    const tolerations = [{ key: UNREACHABLE, operator: 'Exists', tolerationSeconds: 0 }];
    await objects.create(Pods, { ...pod, spec: { ...pod.spec!, nodeName: name, tolerations } });
  },
  async done({ objects, name }) {
    const { spec, status } = (await objects.get(Nodes, { name }))!.value;
    const pod = (await objects.get(Pods, { namespace: name, name: 'stranded' }))?.value;
    return (
      status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'Unknown' &&
      spec?.taints?.some(({ key, effect }) => key === UNREACHABLE && effect === 'NoExecute') &&
      (!pod || pod.metadata?.deletionTimestamp)
    );
  },
  undo: ({ objects, name }) => objects.modify(Nodes, { name }, (draft) => void delete draft.spec!.taints),
  others: ({ objects, name: namespace }) =>
    objects.create(Pods, { metadata: { namespace, name: 'unbound' }, spec: { containers: CONTAINERS } }),
  sets: [Nodes],
};

const serviceaccount: ControllerTask = {
  ask: ({ objects, name }) => objects.create(Namespaces, { metadata: { name } }),
  done: async ({ objects, name: namespace }) =>
    (await objects.get(ServiceAccounts, { namespace, name: 'default' })) &&
    (await objects.get(ConfigMaps, { namespace, name: 'kube-root-ca.crt' }))?.value.data?.['ca.crt'],
  async undo({ objects, name: namespace }) {
    await objects.delete(ServiceAccounts, { namespace, name: 'default' });
    await objects.modify(
      ConfigMaps,
      { namespace, name: 'kube-root-ca.crt' },
      (draft) => void Object.assign(draft, { data: {} }),
    );
  },
  others: ({ objects, name: namespace }) =>
    objects.create(ServiceAccounts, { metadata: { namespace, name: 'amy' } }),
};

const serviceaccounttoken: ControllerTask = {
  async ask({ objects, name: namespace }) {
    await objects.create(ServiceAccounts, { metadata: { namespace, name: 'amy' } });
    const annotations = { 'kubernetes.io/service-account.name': 'amy' };
    const metadata = { namespace, name: 'amy-token', annotations };
    await objects.create(Secrets, { metadata, type: 'kubernetes.io/service-account-token' });
  },
  async done({ objects, name: namespace }) {
    const { data = {} } = (await objects.get(Secrets, { namespace, name: 'amy-token' }))?.value ?? {};
    return data['token'] && data['ca.crt'] && data['namespace'];
  },
  undo: ({ objects, name: namespace }) =>
    objects.modify(
      Secrets,
      { namespace, name: 'amy-token' },
      (draft) => void Object.assign(draft, { data: {} }),
    ),
  others: ({ objects, name: namespace }) =>
    objects.create(Secrets, { metadata: { namespace, name: 'opaque' }, type: 'Opaque' }),
  sets: [Secrets],
};

const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const CLIENT = 'kubernetes.io/kube-apiserver-client';

async function signingRequest(name: string, signerName: string, isApproved = true): Promise<KubeObject> {
  const keys = await webcrypto.subtle.generateKey(EC, true, ['sign', 'verify']);
  const asked = await Pkcs10CertificateRequestGenerator.create(
    { name: [{ CN: ['amy'] }], keys: keys as never, signingAlgorithm: EC },
    webcrypto as never,
  );
  const now = new Date().toISOString();
  const approved = { type: 'Approved', status: 'True', reason: 'Conformance', lastUpdateTime: now };
  const request = Buffer.from(asked.toString('pem')).toString('base64');
  return {
    metadata: { name },
    spec: { request, signerName, usages: ['client auth'] },
    status: { conditions: isApproved ? [approved] : [] },
  } as KubeObject;
}

const certificates: ControllerTask = {
  ask: async ({ objects, name }) =>
    objects.create(CertificateSigningRequests, await signingRequest(name, CLIENT)),
  done: async ({ objects, name }) =>
    (await objects.get(CertificateSigningRequests, { name }))?.value.status?.certificate,
  undo: ({ objects, name }) =>
    objects.modify(CertificateSigningRequests, { name }, (draft) => void delete draft.status!.certificate),
  async others({ objects, name }) {
    const create = async (...asked: Parameters<typeof signingRequest>): Promise<unknown> =>
      objects.create(CertificateSigningRequests, await signingRequest(...asked));
    await create(`${name}-undecided`, CLIENT, false);
    await create(`${name}-foreign`, 'example.com/signer');
  },
};

const clusterroleaggregation: ControllerTask = {
  async ask({ objects, name }) {
    const rules = [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }];
    await objects.create(ClusterRoles, { metadata: { name: `${name}-part`, labels: { to: name } }, rules });
    const aggregationRule = { clusterRoleSelectors: [{ matchLabels: { to: name } }] };
    await objects.create(ClusterRoles, { metadata: { name }, aggregationRule, rules: [] });
  },
  done: async ({ objects, name }) => (await objects.get(ClusterRoles, { name }))?.value.rules?.length === 1,
  undo: ({ objects, name }) =>
    objects.modify(ClusterRoles, { name }, (draft) => void Object.assign(draft, { rules: [] })),
  others: ({ objects, name }) =>
    objects.create(ClusterRoles, { metadata: { name: `${name}-other`, labels: { app: 'x' } }, rules: [] }),
  sets: [ClusterRoles],
};

const held = ({ name }: ControllerWorld): Buffer => Buffer.from(`${name} held`);
const unused = ({ name }: ControllerWorld): Buffer => Buffer.from(`${name} unused`);
const blobcollector: ControllerTask = {
  async ask(world) {
    // Both go unless they are referred to: the one that stays is named before it is there.
    const digests = await Promise.all([held(world), unused(world)].map((each) => digestOf(each)));
    await world.objects.create(Plugins, {
      metadata: { name: world.name },
      spec: { module: blobReference(digests[0]!) },
    });
    for (const each of [held(world), unused(world)]) await world.blobs.put(each);
  },
  async done(world) {
    const [kept, gone] = await Promise.all([held(world), unused(world)].map((each) => digestOf(each)));
    if (!(await world.blobs.stat(kept!))) throw new Error('it deleted a blob that is referred to');
    return !(await world.blobs.stat(gone!));
  },
  undo: (world) => world.blobs.put(unused(world)),
};

const pluginevents: ControllerTask = {
  ask: ({ objects, name }) =>
    objects.create(Plugins, { metadata: { name }, spec: { module: `/${name}/none.mjs` } }),
  async done({ objects, name }) {
    const { items } = await objects.list(Events, { namespace: 'default' });
    const about = items.filter(({ value }) => value.involvedObject.name === name);
    return about.length === 1 && about[0]!.value.reason === 'Refused' && about[0]!.value.count === 1;
  },
  others: ({ objects, name }) => objects.create(Plugins, { metadata: { name: `${name}-other` }, spec: {} }),
};

async function digestOf(bytes: Buffer): Promise<string> {
  const digest = await webcrypto.subtle.digest('SHA-256', bytes);
  return `sha256-${Buffer.from(digest).toString('hex')}`;
}

/** `underOldKey`: runs what it is given while Secrets are stored in the way of before. */
export function storagemigrator(underOldKey: (run: () => Promise<unknown>) => Promise<void>): ControllerTask {
  return {
    ask: ({ objects, name: namespace }) =>
      underOldKey(() => objects.create(Secrets, { metadata: { namespace, name: 's' }, data: { a: 'MQ==' } })),
    done: async ({ objects, name: namespace }) =>
      (await objects.get(Secrets, { namespace, name: 's' }))!.stale === false,
    undo: ({ objects, name: namespace }) =>
      underOldKey(() =>
        objects.modify(
          Secrets,
          { namespace, name: 's' },
          (draft) => void Object.assign(draft.data!, { b: 'MQ==' }),
        ),
      ),
    others: ({ objects, name: namespace }) =>
      objects.create(ConfigMaps, { metadata: { namespace, name: 'as-it-is' }, data: { a: '1' } }),
  };
}

/** By the controller's folder. */
export const TASKS: Readonly<Record<string, ControllerTask>> = {
  blobcollector,
  certificates,
  clusterroleaggregation,
  deployment,
  disruption,
  endpointslice,
  garbagecollector,
  namespace,
  nodelifecycle,
  pluginevents,
  replicaset,
  serviceaccount,
  serviceaccounttoken,
};
