import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Authenticator } from 'orlop/plugin';
import t from 'tap';
import { authenticator } from '../../plugins/auth/authenticator.ts';
import auth from '../../plugins/auth/index.ts';
import { adminToken } from '../../plugins/auth/token.ts';
import { skeletonFiles } from '../../plugins/cli/plugin/skeleton.ts';
import { testKernel } from '../cluster.ts';
import { testdir } from '../testdir.ts';
import { testApi } from './apiserver/cluster.ts';

t.test('only the right token is the administrator', async (t) => {
  const folder = testdir(t);
  const token = adminToken(folder);
  t.equal(adminToken(folder), token);
  t.equal(statSync(join(folder, 'admin-token')).mode & 0o777, 0o600);
  const { authenticate } = authenticator(token);
  t.same(authenticate({ token }), {
    username: 'kubernetes-admin',
    groups: ['system:masters', 'system:authenticated'],
  });
  for (const wrong of ['', 'x', `${token}x`, token.slice(1)])
    t.equal(authenticate({ token: wrong }), undefined);
  t.equal(authenticate({}), undefined);
  t.same(authenticate({ certificate: { commonName: 'amy', organizations: ['dev'] } }), {
    username: 'amy',
    groups: ['dev', 'system:authenticated'],
  });
});

t.test('the plugin provides it', async (t) => {
  const config = { auth: { adminToken: 'sixteen-characters' } };
  const kernel = await testKernel(t, { plugins: [auth], config });
  const user = await kernel.service(Authenticator).authenticate({ token: 'sixteen-characters' });
  t.equal(user?.username, 'kubernetes-admin');
  await kernel.stop();
  await t.rejects(kernel.restart({ config: { auth: { adminToken: 'short' } } }), {
    message: /adminToken: must match/,
  });
});

t.test('the skeleton takes its place in a running cluster, and gives it back', async (t) => {
  const { kernel, kubectl, request, url } = await testApi(t);
  const module = join(testdir(t), 'auth-table.mjs');
  writeFileSync(module, skeletonFiles('auth.v1', 'auth-table')['index.mjs']!);
  const apply = async (spec: object): Promise<void> => {
    const plugin = { apiVersion: 'orlop.dev/v1', kind: 'Plugin', metadata: { name: 'auth' }, spec };
    await kubectl.ok(['apply', '--server-side', '--force-conflicts', '-f', '-'], JSON.stringify(plugin));
    await kubectl.ok([
      'wait',
      'plugin/auth',
      `--for=jsonpath={.status.observedGeneration}=${await generation()}`,
    ]);
  };
  const generation = (): Promise<string> => kubectl.ok('get plugin auth -o jsonpath={.metadata.generation}');
  // A client certificate goes before a token: kubectl is asked without one.
  const whoami = [
    'auth',
    'whoami',
    '--kubeconfig=/dev/null',
    '--insecure-skip-tls-verify',
    `--server=${url}`,
  ];
  await apply({ module, config: { users: { 'a-token-for-amy': { username: 'amy', groups: ['dev'] } } } });
  t.match(
    await kubectl.ok([...whoami, '--token=a-token-for-amy']),
    /Username +amy\n.*\[dev system:authenticated\]/s,
  );
  t.match(
    await kubectl.ok('auth whoami'),
    /Username +admin/,
    'the administrator is who the certificate says',
  );
  t.equal((await request('GET', '/api/v1/namespaces')).code, 401, 'the token of the standard one is nobody');
  await apply({});
  t.equal((await request('GET', '/api/v1/namespaces')).code, 200);
  t.equal((await kubectl([...whoami, '--token=a-token-for-amy'])).code, 1);
  t.match(
    kernel.plugins().find(({ name }) => name === 'auth'),
    { phase: 'Running', version: '1.0.0', revision: 3 },
  );
});
