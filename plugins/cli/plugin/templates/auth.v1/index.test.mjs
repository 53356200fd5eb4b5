import assert from 'node:assert/strict';
import { test } from 'node:test';
import { authenticator } from './index.mjs';

test('a token is that of one user, and a certificate says whose it is', async () => {
  const users = authenticator({ secret: { username: 'amy', groups: ['dev'] } });
  const amy = { username: 'amy', groups: ['dev', 'system:authenticated'] };
  assert.deepEqual(await users.authenticate({ token: 'secret' }), amy);
  assert.equal(await users.authenticate({ token: 'toString' }), undefined);
  assert.equal(await users.authenticate({}), undefined);
  const certificate = { commonName: 'amy', organizations: ['dev'] };
  assert.deepEqual(await users.authenticate({ certificate }), amy);
});
