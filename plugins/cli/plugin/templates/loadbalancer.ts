/** Round robin. */
export function module(name: string): string {
  return `// @ts-check
import { definePlugin, EndpointSlices, informer, LoadBalancer, provide, Services } from 'orlop/plugin';

/** @typedef {import('orlop/plugin').Endpoint} Endpoint */

/** Each request or connection goes to the next ready endpoint. @implements {LoadBalancer} */
export class RoundRobin {
  /** @type {Map<string, import('orlop/plugin').Service>} */
  services = new Map();
  /** @type {Map<string, import('orlop/plugin').EndpointSlice>} */
  slices = new Map();
  turn = 0;

  /** @param {string} namespace @param {string} service @param {string | number} port @param {readonly Endpoint[]} [not] */
  pick(namespace, service, port, not = []) {
    const known = this.services.get(namespace + '/' + service);
    const found = known?.spec?.ports?.find((each) => each.port === port || (each.name ?? '') === port);
    if (!found) return undefined;
    const endpoints = this.ready(namespace, service, found.name ?? '').filter(
      (each) => !not.some(({ host, port }) => host === each.host && port === each.port),
    );
    const endpoint = endpoints[this.turn++ % endpoints.length];
    return endpoint && { endpoint, release() {} };
  }

  /** @param {string} namespace @param {string} service @param {string} name @returns {Endpoint[]} */
  ready(namespace, service, name) {
    return [...this.slices.values()]
      .filter(({ metadata }) => metadata?.namespace === namespace)
      .filter(({ metadata }) => metadata?.labels?.['kubernetes.io/service-name'] === service)
      .flatMap((slice) => {
        const port = slice.ports?.find((each) => (each.name ?? '') === name)?.port;
        if (port === undefined) return [];
        return slice.endpoints
          .filter(({ conditions }) => conditions?.ready !== false)
          .flatMap(({ addresses: [host] }) => (host === undefined ? [] : [{ host, port }]));
      });
  }
}

/** @param {import('orlop/plugin').KubeObject} object */
const keyOf = ({ metadata }) => metadata?.namespace + '/' + metadata?.name;

export default definePlugin({
  name: '${name}',
  kind: 'loadbalancer.v1',
  version: '0.1.0',
  description: 'Sends each request or connection to the next ready endpoint.',
  provides: [LoadBalancer],
  grants: {
    objects: [
      { resource: Services, verbs: ['get', 'list', 'watch'] },
      { resource: EndpointSlices, verbs: ['get', 'list', 'watch'] },
    ],
  },
  // Where the ingress runs, which calls it.
  isolation: { worker: 'data-path' },
  start(ctx) {
    const balancer = new RoundRobin();
    const watches = [
      informer(ctx, Services, {}, {
        changed: (service) => void balancer.services.set(keyOf(service), service),
        deleted: (service) => void balancer.services.delete(keyOf(service)),
      }),
      informer(ctx, EndpointSlices, {}, {
        changed: (slice) => void balancer.slices.set(keyOf(slice), slice),
        deleted: (slice) => void balancer.slices.delete(keyOf(slice)),
      }),
    ];
    ctx.defer(() => watches.forEach((watch) => watch.close()));
    return { provides: [provide(LoadBalancer, balancer)] };
  },
});
`;
}

export function test(): string {
  return `// @ts-check
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RoundRobin } from './index.mjs';

test('endpoints take turns', () => {
  const balancer = new RoundRobin();
  balancer.services.set('n/s', { spec: { ports: [{ port: 80 }] } });
  balancer.slices.set('n/s-1', {
    metadata: { name: 's-1', namespace: 'n', labels: { 'kubernetes.io/service-name': 's' } },
    addressType: 'IPv4',
    ports: [{ port: 8080 }],
    endpoints: [{ addresses: ['10.0.0.1'] }, { addresses: ['10.0.0.2'] }],
  });
  const hosts = [1, 2, 3].map(() => balancer.pick('n', 's', 80)?.endpoint.host);
  assert.deepEqual(hosts, ['10.0.0.1', '10.0.0.2', '10.0.0.1']);
  assert.equal(balancer.pick('n', 's', 81), undefined);
});
`;
}
