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
