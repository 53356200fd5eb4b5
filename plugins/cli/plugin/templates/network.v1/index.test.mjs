import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FixedNetwork } from './index.mjs';

test('a pod keeps its address until it gives it up', async () => {
  const network = new FixedNetwork();
  const first = await network.add('a', 'bridge');
  assert.deepEqual(await network.add('a', 'bridge'), first);
  assert.notEqual((await network.add('b', 'bridge')).ip, first.ip);
  await network.del('a');
  assert.notEqual((await network.add('c', 'bridge')).ip, first.ip);
});

test('a successor knows the addresses that are taken, also while both are asked', async () => {
  const addresses = { held: new Map(), next: 0 };
  const network = new FixedNetwork(addresses);
  const successor = new FixedNetwork(addresses);
  const first = await network.add('a', 'bridge');
  assert.deepEqual(await successor.add('a', 'bridge'), first);
  assert.notEqual((await successor.add('b', 'bridge')).ip, first.ip);
});
