import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { encoding } from './index.mjs';

test('a value does not show through', () => {
  const secrets = encoding(randomBytes(32));
  const stored = Buffer.from(secrets.encode(Buffer.from('hunter2'), 'a'));
  assert.ok(!stored.includes('hunter2'));
  assert.equal(Buffer.from(secrets.decode(stored, 'a')).toString(), 'hunter2');
});
