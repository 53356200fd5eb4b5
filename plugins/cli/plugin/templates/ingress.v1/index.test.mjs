import assert from 'node:assert/strict';
import { test } from 'node:test';
import { route } from './index.mjs';

test('the longest path is preferred', () => {
  const paths = ['/', '/a', '/a/b'].map((path) => ({
    path,
    pathType: 'Prefix',
    backend: { service: { name: `s${path}`, port: { number: 80 } } },
  }));
  const ingress = {
    metadata: { namespace: 'n', name: 'i' },
    spec: { rules: [{ host: '*.test', http: { paths } }] },
  };
  assert.equal(route([ingress], 'x.test', '/a/c')?.name, 's/a');
  assert.equal(route([ingress], 'x.test', '/ab')?.name, 's/');
  assert.equal(route([ingress], 'test', '/'), undefined);
});
