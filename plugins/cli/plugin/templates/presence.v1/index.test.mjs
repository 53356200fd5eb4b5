import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PRESENCE } from 'orlop/plugin';
import plugin from './index.mjs';

test('it says at once that it is there, and in the end that it goes', async () => {
  /** @type {string[]} */
  const said = [];
  /** @type {(() => void)[]} */
  const cleanups = [];
  const context = {
    bus: { publish: (/** @type {string} */ subject) => said.push(subject), subscribe: () => {} },
    kernel: { id: 'k', node: 'n', version: '1' },
    defer: (/** @type {() => void} */ cleanup) => cleanups.push(cleanup),
  };
  await plugin.start(/** @type {any} */ (context));
  for (const cleanup of cleanups) cleanup();
  assert.deepEqual(said, [PRESENCE.here, PRESENCE.bye]);
});
