import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { authority, newAuthority } from './index.mjs';

test('what it issues is signed by it, for what was asked for', async () => {
  const ca = await authority(await newAuthority());
  const root = new X509Certificate(ca.certificate);
  assert.ok(root.ca);
  const issued = await ca.issue({ commonName: 'orlop', usage: 'server', hosts: ['localhost', '127.0.0.1'] });
  const server = new X509Certificate(issued.certificate);
  assert.ok(server.verify(root.publicKey));
  assert.equal(server.checkHost('localhost'), 'localhost');
  assert.equal(server.checkIP('127.0.0.1'), '127.0.0.1');
});

test('what is no request, or for an unknown usage, is refused', async () => {
  const ca = await authority(await newAuthority());
  const request = { request: 'please', usages: ['client auth'], expirationSeconds: 600 };
  await assert.rejects(ca.sign(request), /the certificate request cannot be read/);
});
