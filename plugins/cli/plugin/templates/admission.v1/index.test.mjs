import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigMaps, Pods } from 'orlop/plugin';
import { admission } from './index.mjs';

/** @param {Record<string, string>} labels */
const admit = (labels) => {
  const object = { metadata: { namespace: 'default', name: 'a', labels } };
  return admission.admit({ verb: 'create', resource: ConfigMaps, object }, 'somebody');
};

test('what has the label gets a second one, and what lacks it is refused', async () => {
  const { object } = /** @type {{ object: { metadata: object } }} */ (await admit({ team: 'a' }));
  assert.deepEqual(object.metadata, {
    namespace: 'default',
    name: 'a',
    labels: { tier: 'standard', team: 'a' },
  });
  await assert.rejects(admit({}), /somebody may not write ConfigMap "a" without the label "team"/);
});

test('it looks at ConfigMaps only, and lets them go', () => {
  assert.ok(admission.concerns('create', ConfigMaps));
  assert.ok(!admission.concerns('create', Pods));
  assert.ok(!admission.concerns('delete', ConfigMaps));
});
