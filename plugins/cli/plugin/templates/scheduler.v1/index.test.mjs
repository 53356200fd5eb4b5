import assert from 'node:assert/strict';
import { test } from 'node:test';
import { choose } from './index.mjs';

/** @import { Node } from 'orlop/plugin' */

/** @param {string} name @returns {Node} */
const node = (name) => ({ metadata: { name }, status: { conditions: [{ type: 'Ready', status: 'True' }] } });

test('the node with the fewest pods is chosen', () => {
  const pod = { spec: { nodeName: 'a', containers: [] } };
  assert.equal(choose([node('a'), node('b')], [pod]), 'b');
  assert.equal(choose([], [pod]), undefined);
});
