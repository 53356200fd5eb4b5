import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reconcile } from './index.mjs';

/** @import { ObjectClient } from 'orlop/plugin' */

test('a namespace that asks for nothing gets nothing', async () => {
  const objects = /** @type {ObjectClient} */ (
    /** @type {unknown} */ ({
      get: async () => ({ value: { metadata: { name: 'n' } } }),
      create: () => assert.fail('nothing was asked for'),
    })
  );
  await reconcile({ objects }, 'n');
});
