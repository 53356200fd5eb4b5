import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { readToken, signToken } from './jwt.mjs';

test('a token says what its key signed, and nothing else', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const find = async (/** @type {string} */ kid) => (kid === 'mine' ? publicKey : undefined);
  const token = signToken({ sub: 'amy' }, 'mine', privateKey);
  assert.deepEqual(await readToken(token, find), { sub: 'amy' });
  const [header, , signature] = token.split('.');
  const payload = Buffer.from('{"sub":"bob"}').toString('base64url');
  const none = Buffer.from('{"alg":"none","kid":"mine"}').toString('base64url');
  const other = signToken({ sub: 'amy' }, 'another', privateKey);
  for (const wrong of [`${header}.${payload}.${signature}`, `${none}.${payload}.`, `${token}=`, 'x', other])
    assert.equal(await readToken(wrong, find), undefined);
});
