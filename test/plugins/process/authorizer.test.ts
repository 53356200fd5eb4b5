/** Authorizers in another process: the example in Python on its streams, over NATS and behind the API server, and what goes wrong. */
import { Authorizer, Plugins, type UserInfo } from 'orlop/plugin';
import t, { type Test } from 'tap';
import { eventually, testKernel } from '../../cluster.ts';
import { authorizerConformance, type Checks } from '../../conformance/index.ts';
import { testApi } from '../apiserver/cluster.ts';
import { like, relay, root, services } from './relay.ts';

const EXAMPLE = 'plugins/authorizer/python';
/** Tap's overloads hide that it has what a suite needs. */
const checks = (t: Test): Checks => t as unknown as Checks;
const user = (username: string): UserInfo => ({ username, groups: ['system:authenticated'] });
const pods = { verb: 'list', group: '', resource: 'pods', namespace: 'default' };

t.test('in Python', async (t) => {
  const policies = [
    { group: 'dev', namespace: 'default', resource: '*', apiGroup: '*' },
    { user: 'amy', namespace: '*', resource: 'pods', readonly: true },
    { user: 'amy', nonResourcePath: '/debug/*' },
  ];
  const { kernel, request } = await testApi(t, { authorizer: false });
  const as = (name: string): Record<string, string> => ({ 'impersonate-user': name });
  t.match(await request('GET', '/api/v1/pods', undefined, as('amy')), {
    code: 403,
    body: { message: /the cluster has no plugin of kind authorizer.v1/ },
  });
  await kernel.objects.create(Plugins, {
    metadata: { name: 'abac' },
    spec: { module: `${root}${EXAMPLE}/plugin.json`, config: { policies } },
  });
  await eventually(
    'it runs',
    () => kernel.plugins().find(({ name }) => name === 'abac')?.phase === 'Running',
  );
  const authorizer = kernel.service(Authorizer);
  await authorizerConformance(checks(t), 'abac', async () => ({ authorizer }));
  const may = async (who: UserInfo, asked: object): Promise<boolean> =>
    (await authorizer.authorize(who, { ...pods, ...asked })).allowed;
  const [amy, bob] = [user('amy'), { ...user('bob'), groups: ['system:authenticated', 'dev'] }];
  t.equal(await may(amy, { namespace: 'other' }), true);
  t.equal(await may(amy, { verb: 'create' }), false, 'she may only read');
  t.equal(await may(amy, { subresource: 'log', verb: 'get' }), true);
  t.equal(await may(amy, { subresource: 'exec', verb: 'create' }), false);
  t.equal(await may(bob, { verb: 'create', group: 'apps', resource: 'deployments' }), true);
  t.equal(await may(bob, { namespace: 'other' }), false);
  t.equal((await authorizer.authorize(amy, { verb: 'get', path: '/debug/x' })).allowed, true);
  t.match(await authorizer.rules(amy, 'default'), {
    resourceRules: [{ verbs: ['get', 'list', 'watch'], apiGroups: [''], resources: ['pods'] }],
    incomplete: false,
  });

  t.equal((await request('GET', '/api/v1/pods', undefined, as('amy'))).code, 200);
  t.match(await request('GET', '/api/v1/pods', undefined, as('carl')), {
    code: 403,
    body: { message: /User "carl" cannot list resource "pods" .*: no policy allows it/ },
  });
});

t.test('over NATS', async (t) => {
  const remote = 'example.abac';
  const plugin = like(t, EXAMPLE, { command: undefined, remote });
  const kernel = await testKernel(t, { plugins: [plugin], timing: { restart: 20 } });
  await relay(t, kernel, remote, ['python3', `${root}${EXAMPLE}/authorizer.py`]);
  await eventually('it runs', () => kernel.plugins()[0]!.phase === 'Running');
  await authorizerConformance(checks(t), 'abac over NATS', async () => ({
    authorizer: kernel.service(Authorizer),
  }));
});

t.test('decisions are kept, failures never', async (t) => {
  const plugin = services(t, { kind: 'authorizer.v1', timeoutSeconds: 1, unauthorizedTTLSeconds: 0.1 });
  const kernel = await testKernel(t, { plugins: [plugin], timing: { restart: 20 } });
  const authorizer = kernel.service(Authorizer);
  const ask = async (name: string, asked = pods) => authorizer.authorize(user(name), asked);
  const amy = await ask('amy');
  t.equal(amy.allowed, true);
  const bob = await ask('bob');
  t.equal(bob.allowed, false);
  t.same(await ask('amy'), amy, 'it is not asked again');
  t.not((await ask('amy', { ...pods, namespace: 'other' })).reason, amy.reason, 'but of something else');
  const long = { ...pods, name: 'x'.repeat(10_000) };
  t.not((await ask('amy', long)).reason, (await ask('amy', long)).reason, 'what is very long is not kept');
  await eventually('it is asked again in time', async () => (await ask('bob')).reason !== bob.reason);
  t.match(await authorizer.rules(user('amy'), 'default'), {
    resourceRules: [],
    incomplete: true,
    evaluationError: /plugin "services" revision 1: no such method: user rule resolution is not supported/,
  });

  for (let time = 0; time < 2; time++)
    await t.rejects(ask('fool'), {
      reason: 'InternalError',
      message: 'plugin "services" revision 1: authorize answered nonsense: allowed must be true or false',
    });
  t.same(await ask('amy'), amy);
  const dying = ['killer', 'carl', 'dora'].map((name) =>
    ask(name).then(
      () => 'none',
      ({ reason, message }: Error & { reason: string }) => `${reason}: ${message}`,
    ),
  );
  const why = 'ServiceUnavailable: plugin "services" revision 1: its process ended: exit code 1';
  t.same(await Promise.all(dying), [why, why, why], 'whoever waits is told at once');
  await eventually('it is started again', () => {
    const { phase, revision } = kernel.plugins()[0]!;
    return phase === 'Running' && revision === 2;
  });
  const again = await ask('amy');
  t.equal(again.allowed, true);
  t.not(again.reason, amy.reason, 'a successor is asked anew');
  await t.rejects(ask('sloth'), {
    reason: 'Timeout',
    message: 'plugin "services" revision 2: authorize took longer than 1000 ms',
  });
});
