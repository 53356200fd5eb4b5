import { IPAddresses, isStatus, type KubeObject, type Resource, type Service, Services } from 'orlop/plugin';
import t, { type Test } from 'tap';
import {
  applyDefaults,
  prepareForCreate,
  prepareForUpdate,
  storeReserving,
} from '../../../plugins/apiserver/resources/lifecycle.ts';
import { NodePorts } from '../../../plugins/apiserver/resources/services/allocate.ts';
import { releaseReservations } from '../../../plugins/apiserver/resources/services/release.ts';
import { standardRows } from '../../../plugins/apiserver/resources/standard.ts';
import { ResourceTable } from '../../../plugins/apiserver/resources/table.ts';
import { testNats, testStore } from '../../kernel/nats.ts';

const server = await testNats(t);
const table = new ResourceTable(standardRows({ serviceCIDR: '10.96.0.0/27', nodePorts: [30_000, 30_003] }));
const row = table.find('', 'v1', 'services')!;
const quiet = { debug() {}, info() {}, warn() {}, error() {} };

function service(name: string, spec: Service['spec'] = {}): Service {
  return { metadata: { name, namespace: 'default' }, spec: { ports: [{ port: 80 }], ...spec } };
}

/** The server is shared, so what earlier tests left goes first. */
async function emptyStore(test: Test): Promise<Store> {
  const store = await testStore(test, server);
  for (const resource of [Services, IPAddresses, NodePorts]) {
    const { items } = await store.list<KubeObject>(resource);
    for (const { key } of items) await store.delete<KubeObject>(resource, key);
  }
  return store;
}

type Store = Awaited<ReturnType<typeof testStore>>;

async function create(store: Store, draft: Service, dryRun = false): Promise<Service> {
  applyDefaults(row, draft);
  prepareForCreate(row, draft);
  return unwrap(await storeReserving(store, row, draft, undefined, dryRun));
}

async function update(store: Store, wanted: Service, old: Service): Promise<Service> {
  const next = structuredClone(wanted);
  applyDefaults(row, next);
  prepareForUpdate(row, next, old);
  return unwrap(await storeReserving(store, row, next, old));
}

function unwrap(stored: object): Service {
  return 'value' in stored ? (stored.value as KubeObject as Service) : (stored as Service);
}

t.test('every Service gets an address of its own, until there are none', async (t) => {
  const store = await emptyStore(t);
  const made = await Promise.allSettled(
    Array.from({ length: 32 }, (_, i) => create(store, service(`s${i}`))),
  );
  const addresses = made.flatMap((each) =>
    each.status === 'fulfilled' ? [each.value.spec!.clusterIP!] : [],
  );
  t.equal(new Set(addresses).size, addresses.length);
  t.ok(addresses.every((address) => /^10\.96\.0\.([1-9]|[12]\d|30)$/.test(address)));
  const refusals = made.flatMap((each) => (each.status === 'rejected' ? [each.reason as Error] : []));
  t.ok(refusals.length >= 2);
  t.ok(refusals.every((error) => isStatus(error, 'Invalid', 'AlreadyExists', 'Conflict')));
  const { items } = await store.list(IPAddresses);
  t.equal(items.length, addresses.length, 'one reservation each');
});

t.test('an address of choice is kept or refused', async (t) => {
  const store = await emptyStore(t);
  const first = await create(store, service('a', { clusterIP: '10.96.0.10' }));
  t.match(first.spec, { clusterIP: '10.96.0.10', clusterIPs: ['10.96.0.10'], type: 'ClusterIP' });
  await t.rejects(create(store, service('b', { clusterIP: '10.96.0.10' })), {
    message:
      'Service "b" is invalid: spec.clusterIPs: Invalid value: ["10.96.0.10"]: failed to allocate IP 10.96.0.10: provided IP is already allocated',
  });
  await t.rejects(create(store, service('b', { clusterIP: '10.97.0.10' })), {
    message:
      /the provided IP \(10\.97\.0\.10\) is not in the valid range\. The range of valid IPs is 10\.96\.0\.0\/27/,
  });
  const headless = await create(store, service('h', { clusterIP: 'None' }));
  t.equal(headless.spec?.clusterIP, 'None');
  t.equal((await store.list(IPAddresses)).items.length, 1);
  const dry = await create(store, service('dry'), true);
  t.ok(dry.spec?.clusterIP);
  t.equal((await store.list(IPAddresses)).items.length, 1, 'a dry run reserves nothing');
  // The owner is gone, its reservation not yet: the next one takes it over.
  await store.delete(Services, { namespace: 'default', name: 'a' });
  const next = await create(store, service('b', { clusterIP: '10.96.0.10' }));
  t.equal(next.spec?.clusterIP, '10.96.0.10');
  const held = await store.get(IPAddresses, { name: '10.96.0.10' });
  t.equal(held?.value.spec.parentRef.name, 'b');
});

t.test('node ports', async (t) => {
  const store = await emptyStore(t);
  const a = await create(store, service('a', { type: 'NodePort', ports: [{ port: 80, nodePort: 30_001 }] }));
  t.equal(a.spec?.ports?.[0]?.nodePort, 30_001);
  await t.rejects(
    create(store, service('b', { type: 'NodePort', ports: [{ port: 80, nodePort: 30_001 }] })),
    { message: /spec\.ports\[0\]\.nodePort: Invalid value: 30001: provided port is already allocated/ },
  );
  await t.rejects(create(store, service('b', { type: 'NodePort', ports: [{ port: 80, nodePort: 80 }] })), {
    message: /provided port is not in the valid range\. The range of valid ports is 30000-30003/,
  });
  const dns = await create(
    store,
    service('dns', {
      type: 'NodePort',
      ports: [
        { name: 'udp', port: 53, protocol: 'UDP' },
        { name: 'tcp', port: 53, protocol: 'TCP' },
      ],
    }),
  );
  const [udp, tcp] = dns.spec!.ports!;
  t.equal(udp?.nodePort, tcp?.nodePort, 'the same port of two protocols shares one');
  const kept = await update(
    store,
    service('dns', { type: 'NodePort', ports: [{ name: 'udp', port: 53, protocol: 'UDP' }] }),
    dns,
  );
  t.equal(kept.spec?.ports?.[0]?.nodePort, udp?.nodePort);
  t.equal(kept.spec?.clusterIP, dns.spec?.clusterIP);
  const inside = await update(
    store,
    service('dns', { type: 'ClusterIP', ports: [...kept.spec!.ports!] }),
    kept,
  );
  t.equal(inside.spec?.ports?.[0]?.nodePort, undefined);
});

/** The next deletion of one of them. */
function gone<T extends KubeObject>(test: Test, store: Store, resource: Resource<T>): Promise<void> {
  return new Promise((resolve) => {
    const watch = store.watch(
      resource,
      { initial: true },
      { event: ({ type }) => type === 'DELETED' && resolve(), closed() {} },
    );
    test.teardown(() => watch.close());
  });
}

t.test('what no Service has any more is given back', async (t) => {
  const store = await emptyStore(t);
  const controller = releaseReservations({
    objects: store,
    log: quiet,
    signal: new AbortController().signal,
  });
  t.teardown(() => controller.stop());
  await create(store, service('a', { type: 'NodePort' }));
  await create(store, service('b'));
  t.equal((await store.list(NodePorts)).items.length, 1);
  const released = Promise.all([gone(t, store, IPAddresses), gone(t, store, NodePorts)]);
  await store.delete(Services, { namespace: 'default', name: 'a' });
  await released;
  t.equal((await store.list(IPAddresses)).items.length, 1);
});
