import type { EndpointSlice, Pod, Service, ServiceSpec } from 'orlop/plugin';
import t from 'tap';
import { addressTypes, portGroups } from '../../../plugins/controllers/endpointslice/endpoints.ts';
import { planSlices } from '../../../plugins/controllers/endpointslice/slices.ts';

function service(spec: Partial<ServiceSpec> = {}): Service {
  return {
    metadata: { name: 'web', namespace: 'default', uid: 's', labels: { app: 'web' } },
    spec: {
      selector: { app: 'web' },
      clusterIP: '10.96.0.10',
      ports: [{ port: 80, targetPort: 'http' }],
      ...spec,
    },
  };
}

function pod(name: string, ip = '10.1.0.1', ready = true): Pod {
  return {
    metadata: { name, namespace: 'default', uid: name },
    spec: {
      nodeName: 'n',
      containers: [{ name: 'c', image: 'i', ports: [{ name: 'http', containerPort: 8080 }] }],
    },
    status: {
      phase: 'Running',
      podIP: ip,
      podIPs: [{ ip }],
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
    },
  };
}

/** As the store would hold them after the plan. */
function applied(existing: EndpointSlice[], groups: ReturnType<typeof portGroups>): EndpointSlice[] {
  const plan = planSlices(service(), 'IPv4', groups, existing);
  const kept = existing
    .filter((slice) => !plan.delete.includes(slice))
    .map((slice) => plan.update.find((each) => each.metadata?.name === slice.metadata?.name) ?? slice);
  const created = plan.create.map((slice, index) => ({
    ...slice,
    metadata: { ...slice.metadata, name: `web-${existing.length + index}` },
  }));
  return [...kept, ...created];
}

t.test('conditions follow readiness and termination', async (t) => {
  const ending = pod('ending', '10.1.0.3');
  Object.assign(ending.metadata!, { deletionTimestamp: '2030-01-01T00:00:00Z' });
  const ended = pod('ended', '10.1.0.4');
  Object.assign(ended.status!, { phase: 'Succeeded' });
  const addressless = pod('addressless');
  Object.assign(addressless, { status: { phase: 'Pending' } });
  const pods = [pod('a'), pod('b', '10.1.0.2', false), ending, ended, addressless];
  const [group, ...others] = portGroups(service(), pods, 'IPv4', () => 'z');
  t.equal(others.length, 0);
  t.strictSame(group!.ports, [{ name: '', port: 8080, protocol: 'TCP' }]);
  t.strictSame(
    group!.endpoints.map((each) => [each.targetRef?.name, each.addresses[0], each.conditions, each.zone]),
    [
      ['a', '10.1.0.1', { ready: true, serving: true, terminating: false }, 'z'],
      ['b', '10.1.0.2', { ready: false, serving: false, terminating: false }, 'z'],
      ['ending', '10.1.0.3', { ready: false, serving: true, terminating: true }, 'z'],
    ],
  );
  const [published] = portGroups(service({ publishNotReadyAddresses: true }), pods, 'IPv4');
  t.ok(published!.endpoints.every((each) => each.conditions?.ready));
});

t.test('pods with other ports are in other slices', async (t) => {
  const other = pod('other');
  other.spec!.containers[0]!.ports = [{ name: 'http', containerPort: 9090 }];
  const groups = portGroups(service(), [pod('a'), other], 'IPv4');
  t.strictSame(
    groups.map((group) => group.ports[0]?.port),
    [8080, 9090],
  );
  t.equal(planSlices(service(), 'IPv4', groups, []).create.length, 2);
});

t.test('slices hold at most 100 endpoints and change one at a time', async (t) => {
  const pods = Array.from({ length: 250 }, (_, index) =>
    pod(`p${index}`, `10.1.${index >> 8}.${index & 255}`),
  );
  const slices = applied([], portGroups(service(), pods, 'IPv4'));
  t.strictSame(
    slices.map((slice) => slice.endpoints.length),
    [100, 100, 50],
  );
  t.match(slices[0]!.metadata, {
    generateName: 'web-',
    labels: {
      app: 'web',
      'kubernetes.io/service-name': 'web',
      'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
    },
    ownerReferences: [{ kind: 'Service', name: 'web', uid: 's', controller: true }],
  });
  const unchanged = planSlices(service(), 'IPv4', portGroups(service(), pods, 'IPv4'), slices);
  t.strictSame(unchanged, { create: [], update: [], delete: [] });
  pods[150] = pod('p150', '10.1.0.150', false);
  const plan = planSlices(service(), 'IPv4', portGroups(service(), pods, 'IPv4'), slices);
  t.strictSame(
    plan.update.map((slice) => slice.metadata?.name),
    ['web-1'],
  );
  const fewer = applied(slices, portGroups(service(), pods.slice(0, 100), 'IPv4'));
  t.strictSame(
    fewer.map((slice) => slice.metadata?.name),
    ['web-0'],
  );
});

t.test('a Service without endpoints has one empty slice, which then fills', async (t) => {
  const empty = applied([], []);
  t.strictSame(
    empty.map((slice) => slice.endpoints),
    [[]],
  );
  t.strictSame(planSlices(service(), 'IPv4', [], empty), { create: [], update: [], delete: [] });
  const filled = applied(empty, portGroups(service(), [pod('a')], 'IPv4'));
  t.equal(filled.length, 1);
  t.equal(filled[0]!.endpoints.length, 1);
  t.equal(planSlices(service(), 'IPv4', [], filled).create.length, 0, 'the slice is kept');
  const emptied = applied(filled, []);
  t.strictSame(
    emptied.map((slice) => slice.endpoints.length),
    [0],
    'and empties again',
  );
});

t.test('headless Services and address families', async (t) => {
  const headless = service({ clusterIP: 'None', ports: [] });
  const named = pod('a');
  Object.assign(named.spec!, { hostname: 'db-0', subdomain: 'web' });
  const groups = portGroups(headless, [named], 'IPv4');
  t.equal(groups[0]!.endpoints[0]!.hostname, 'db-0');
  const [slice] = planSlices(headless, 'IPv4', groups, []).create;
  t.equal(slice!.metadata?.labels?.['service.kubernetes.io/headless'], '');
  t.strictSame(addressTypes(headless), ['IPv4']);
  t.strictSame(addressTypes(service({ ipFamilies: ['IPv6'] })), ['IPv6']);
  t.strictSame(portGroups(service(), [pod('a')], 'IPv6'), []);
});
