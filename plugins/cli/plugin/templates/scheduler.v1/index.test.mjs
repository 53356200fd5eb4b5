import assert from 'node:assert/strict';
import { test } from 'node:test';
import { choose } from './index.mjs';

/** @import { Node } from 'orlop/plugin' */

/** @param {string} name @returns {Node} */
const node = (name) => ({ metadata: { name }, status: { conditions: [{ type: 'Ready', status: 'True' }] } });

test('the node with the fewest pods is chosen', () => {
  const bound = { spec: { nodeName: 'a', containers: [] } };
  assert.equal(choose({}, [node('a'), node('b')], [bound]), 'b');
  assert.equal(choose({}, [], [bound]), undefined);
});

test('a pod goes to no node that it does not select', () => {
  const picky = { spec: { nodeSelector: { disk: 'ssd' }, containers: [] } };
  assert.equal(choose(picky, [node('a')], []), undefined);
});
