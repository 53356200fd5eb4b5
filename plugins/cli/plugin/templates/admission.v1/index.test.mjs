import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigMaps } from 'orlop/plugin';
import { admission } from './index.mjs';

/** @param {Record<string, string>} labels */
const request = (labels) => ({
  operation: /** @type {const} */ ('CREATE'),
  resource: ConfigMaps,
  subResource: '',
  namespace: 'default',
  name: 'a',
  object: { metadata: { namespace: 'default', name: 'a', labels } },
  userInfo: { username: 'somebody', groups: [] },
  dryRun: false,
});

test('a second label is added to those that are there', async () => {
  const { metadata } = await /** @type {NonNullable<typeof admission.mutate>} */ (admission.mutate)(
    request({ team: 'a' }),
  );
  assert.deepEqual(metadata, { namespace: 'default', name: 'a', labels: { tier: 'standard', team: 'a' } });
});

test('what lacks the label is refused', () => {
  const validate = /** @type {NonNullable<typeof admission.validate>} */ (admission.validate);
  assert.equal(validate(request({ team: 'a' })), undefined);
  assert.throws(() => validate(request({})), /somebody may not write ConfigMap "a" without the label "team"/);
});
