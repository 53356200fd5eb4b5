import { definePlugin } from 'orlop/plugin';
import t from 'tap';
import { eventually } from '../../cluster.ts';
import { testApi } from './cluster.ts';

const ill = definePlugin({
  name: 'ill',
  kind: 'test.v1',
  version: '1.0.0',
  description: 'Cannot start.',
  start() {
    throw new Error('it has a cold');
  },
});
const { kubectl, request } = await testApi(t, { plugins: [ill] });

t.test('components are the plugins', async (t) => {
  await eventually('they are all told', async () => /^ill /m.test(await kubectl.ok('get componentstatuses')));
  const all = await kubectl.ok('get cs');
  t.match(all, /^NAME +STATUS +MESSAGE +ERROR$/m);
  t.match(all, /^apiserver +Healthy +ok *$/m);
  t.match(all, /^ill +Unhealthy +.*it has a cold/m);
  t.match(await kubectl('get cs apiserver'), {
    code: 0,
    stderr: /v1 ComponentStatus is deprecated in v1.19\+/,
  });
  t.match(await kubectl('get cs nothing'), { code: 1, stderr: /componentstatuses "nothing" not found/ });
  t.equal((await request('DELETE', '/api/v1/componentstatuses/ill')).code, 405);
});

t.test('every version that is served has its APIService', async (t) => {
  const { groups } = (await request('GET', '/apis')).body;
  const served = groups.flatMap(({ name, versions }: { name: string; versions: { version: string }[] }) =>
    versions.map(({ version }) => `apiservice.apiregistration.k8s.io/${version}.${name}`),
  );
  const listed = (await kubectl.ok('get apiservices -o name')).trim().split('\n');
  t.same(listed.sort(), [...served, 'apiservice.apiregistration.k8s.io/v1.'].sort());
  t.match(await kubectl.ok('get apiservices v1.apps'), /^v1.apps +Local +True/m);
  await kubectl.ok('wait --for=condition=Available apiservice/v1beta1.metrics.k8s.io --timeout=5s');
});
