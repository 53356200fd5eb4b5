import {
  type APIService,
  APIServices,
  type EndpointSlice,
  EndpointSlices,
  isStatus,
  type KubeObject,
  Namespaces,
  type ObjectClient,
  type Resource,
  type Service,
  ServiceAccounts,
  Services,
  timestamp,
} from 'orlop/plugin';
import { applyDefaults, prepareForCreate, storeReserving } from '../resources/lifecycle.ts';
import type { ResourceTable } from '../resources/table.ts';

const NAMESPACES = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

export interface Endpoint {
  /** Of the `kubernetes` Service: the first of the service network. */
  readonly clusterIP: string;
  /** Where this server really is. */
  readonly address: string;
  readonly port: number;
}

/** What every cluster has from the start. Leaves what is there already, but for where this server is. */
export async function seed(objects: ObjectClient, table: ResourceTable, endpoint: Endpoint): Promise<void> {
  await Promise.all(
    NAMESPACES.map(async (name) => {
      await ensure(objects, table, Namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
      const account = { metadata: { namespace: name, name: 'default' } };
      await ensure(objects, table, ServiceAccounts, { apiVersion: 'v1', kind: 'ServiceAccount', ...account });
    }),
  );
  await Promise.all(servedVersions(table).map((each) => ensure(objects, table, APIServices, each)));
  await ensure(objects, table, Services, kubernetesService(endpoint));
  const slice = kubernetesSlice(endpoint);
  await ensure(objects, table, EndpointSlices, slice);
  await objects.modify(EndpointSlices, { namespace: 'default', name: 'kubernetes' }, (draft) => {
    const [was] = draft.endpoints;
    if (was?.addresses[0] === endpoint.address && draft.ports?.[0]?.port === endpoint.port) return false;
    draft.endpoints = slice.endpoints;
    draft.ports = slice.ports;
    return true;
  });
}

/** What `kubectl get apiservices` shows: every group and version, as served here. Source: kube-aggregator `autoregister`. */
function servedVersions(table: ResourceTable): APIService[] {
  return table.groups().flatMap((group) =>
    table.versions(group).map((version, index): APIService => {
      const condition = {
        type: 'Available',
        status: 'True',
        reason: 'Local',
        message: 'Local APIServices are always available',
        lastTransitionTime: timestamp(),
      };
      return {
        apiVersion: 'apiregistration.k8s.io/v1',
        kind: 'APIService',
        metadata: {
          name: `${version}.${group}`,
          labels: { 'kube-aggregator.kubernetes.io/automanaged': 'onstart' },
        },
        spec: {
          ...(group === '' ? {} : { group }),
          version,
          groupPriorityMinimum: group === '' ? 18_000 : 17_000,
          versionPriority: 15 - Math.min(index, 14),
        },
        status: { conditions: [condition] },
      };
    }),
  );
}

async function ensure<T extends KubeObject>(
  objects: ObjectClient,
  table: ResourceTable,
  resource: Resource<T>,
  object: T,
): Promise<void> {
  const { namespace, name = '' } = object.metadata ?? {};
  if (await objects.get(resource, { namespace, name })) return;
  const row = table.find(resource.group, resource.version, resource.resource);
  if (!row) throw new Error(`the resource table has no ${resource.resource}`);
  const { status } = object as { status?: object };
  applyDefaults(row, object);
  prepareForCreate(row, object);
  // What a client could not say.
  if (status) Object.assign(object, { status: { ...(object as { status?: object }).status, ...status } });
  try {
    await storeReserving(objects, row, object);
  } catch (error) {
    // Another server of the cluster was faster.
    if (!isStatus(error, 'AlreadyExists')) throw error;
  }
}

function kubernetesService({ clusterIP, port }: Endpoint): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: 'kubernetes',
      namespace: 'default',
      labels: { component: 'apiserver', provider: 'kubernetes' },
    },
    spec: {
      type: 'ClusterIP',
      clusterIP,
      clusterIPs: [clusterIP],
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      sessionAffinity: 'None',
      internalTrafficPolicy: 'Cluster',
      ports: [{ name: 'https', protocol: 'TCP', port: 443, targetPort: port }],
    },
  };
}

function kubernetesSlice({ address, port }: Endpoint): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: 'kubernetes',
      namespace: 'default',
      labels: { 'kubernetes.io/service-name': 'kubernetes' },
    },
    addressType: 'IPv4',
    endpoints: [{ addresses: [address], conditions: { ready: true, serving: true, terminating: false } }],
    ports: [{ name: 'https', port, protocol: 'TCP' }],
  };
}
