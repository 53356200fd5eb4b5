import {
  type EndpointSlice,
  EndpointSlices,
  type LoadBalancer,
  type ObjectClient,
  Services,
} from 'orlop/plugin';
import { type Checks, eventually } from './checks.ts';

export interface LoadBalancerFixture {
  balancer: LoadBalancer;
  /** The store it watches, empty of Services. */
  objects: ObjectClient;
}

const NAMESPACE = 'conformance';

/** The suite every plugin of kind `loadbalancer.v1` passes. */
export async function loadBalancerConformance(
  t: Checks,
  name: string,
  make: (t: Checks) => Promise<LoadBalancerFixture>,
): Promise<void> {
  await t.test(`${name}: conformance to loadbalancer.v1`, async (t) => {
    const { balancer, objects } = await make(t);
    const pick = (port: string | number): string | undefined => {
      const picked = balancer.pick(NAMESPACE, 's', port);
      picked?.release();
      return picked && `${picked.endpoint.host}:${picked.endpoint.port}`;
    };
    t.equal(pick(80), undefined, 'a Service there is not has no endpoint');
    await objects.create(Services, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 's', namespace: NAMESPACE },
      spec: {
        clusterIP: 'None',
        ports: [
          { name: 'http', port: 80 },
          { name: 'admin', port: 90 },
        ],
      },
    });
    t.equal(pick(80), undefined, 'nor one without any');
    await objects.create(EndpointSlices, slice({ '10.0.0.1': true, '10.0.0.2': true, '10.0.0.3': false }));
    await eventually('an endpoint is picked', () => pick(80));
    t.match(pick('http'), /^10\.0\.0\.[12]:8080$/, "by the port's name");
    t.match(pick('admin'), /^10\.0\.0\.[12]:9090$/, 'each port has its own');
    t.equal(pick(81), undefined, 'a port there is not has none');

    const used = new Set(Array.from({ length: 200 }, () => pick(80)));
    t.same([...used].sort(), ['10.0.0.1:8080', '10.0.0.2:8080'], 'all ready endpoints are used, no others');
    const held = Array.from({ length: 200 }, () => balancer.pick(NAMESPACE, 's', 80));
    t.same(
      [...new Set(held.map((each) => each?.endpoint.host))].sort(),
      ['10.0.0.1', '10.0.0.2'],
      'also while they are busy',
    );
    for (const each of held) each?.release();

    const [one, two] = ['10.0.0.1', '10.0.0.2'].map((host) => ({ host, port: 8080 }));
    const other = balancer.pick(NAMESPACE, 's', 80, [one!]);
    t.equal(other?.endpoint.host, '10.0.0.2', 'one tried in vain is left out');
    other?.release();
    t.equal(balancer.pick(NAMESPACE, 's', 80, [one!, two!]), undefined, 'and when all were, there is none');

    await objects.update(EndpointSlices, slice({ '10.0.0.1': false, '10.0.0.3': true }));
    await eventually('the new endpoints are seen', () => pick(80) === '10.0.0.3:8080');
    t.same(
      [...new Set(Array.from({ length: 50 }, () => pick(80)))],
      ['10.0.0.3:8080'],
      'and the old are not used',
    );
    await objects.delete(EndpointSlices, { namespace: NAMESPACE, name: 's-1' });
    await eventually('without endpoints none is picked', () => pick(80) === undefined);
    await objects.delete(Services, { namespace: NAMESPACE, name: 's' });
  });
}

function slice(ready: Record<string, boolean>): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 's-1', namespace: NAMESPACE, labels: { 'kubernetes.io/service-name': 's' } },
    addressType: 'IPv4',
    ports: [
      { name: 'http', port: 8080, protocol: 'TCP' },
      { name: 'admin', port: 9090, protocol: 'TCP' },
    ],
    endpoints: Object.entries(ready).map(([host, ready]) => ({ addresses: [host], conditions: { ready } })),
  };
}
