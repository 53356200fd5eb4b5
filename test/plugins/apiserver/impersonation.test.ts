import t from 'tap';
import { testApi } from './cluster.ts';

const { kubectl, request } = await testApi(t);

async function whoami(headers: Record<string, string | string[]>): Promise<object> {
  const self = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
  const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
  const { code, body } = await request('POST', path, self, headers as Record<string, string>);
  return { code, ...(body.status?.userInfo ?? { message: body.message }) };
}

t.test('kubectl --as', async (t) => {
  const out = await kubectl.ok('auth whoami --as=amy --as-group=dev --as-group=ops --as-uid=7 -o json');
  t.same(JSON.parse(out).status.userInfo, {
    username: 'amy',
    uid: '7',
    groups: ['dev', 'ops', 'system:authenticated'],
  });
  t.match(await kubectl.ok('get namespaces --as=amy --as-group=system:masters'), /^default/m);
  t.match(await kubectl('get namespaces --as=system:serviceaccount:default:default'), {
    code: 1,
    stderr: /User "system:serviceaccount:default:default" cannot list resource "namespaces"/,
  });
});

t.test('headers', async (t) => {
  t.match(await whoami({}), { username: 'kubernetes-admin' });
  t.same(await whoami({ 'Impersonate-User': 'system:serviceaccount:shop:web' }), {
    code: 201,
    username: 'system:serviceaccount:shop:web',
    groups: ['system:serviceaccounts', 'system:serviceaccounts:shop', 'system:authenticated'],
  });
  t.match(
    await whoami({
      'Impersonate-User': 'amy',
      'Impersonate-Extra-Scopes': ['a', 'b'],
      'Impersonate-Extra-Acme.com%2Fproject': 'x',
    }),
    { username: 'amy', extra: { scopes: ['a', 'b'], 'acme.com/project': ['x'] } },
  );
  t.match(await whoami({ 'Impersonate-Group': 'dev' }), {
    code: 400,
    message: 'requested impersonate-group without impersonating a user',
  });
  const nobody = { 'Impersonate-User': 'system:anonymous' };
  t.match(await whoami(nobody), { code: 401 }, 'nobody may not do what somebody may');
  t.equal((await request('GET', '/version', undefined, nobody)).code, 200);
});

t.test('each thing to be is allowed by itself', async (t) => {
  const rules = [
    '--verb=impersonate',
    '--resource=users,groups',
    '--resource-name=bob',
    '--resource-name=dev',
  ];
  await kubectl.ok(['create', 'clusterrole', 'pretend', ...rules]);
  const { body: token } = await request(
    'POST',
    '/api/v1/namespaces/default/serviceaccounts/default/token',
    {},
  );
  const as = (headers: object) => whoami({ authorization: `Bearer ${token.status.token}`, ...headers });
  await kubectl.ok('create clusterrolebinding me --clusterrole=pretend --serviceaccount=default:default');
  t.match(await as({ 'Impersonate-User': 'bob', 'Impersonate-Group': 'dev' }), {
    code: 201,
    username: 'bob',
  });
  for (const [more, what] of [
    [{ 'Impersonate-User': 'amy' }, 'users "amy"'],
    [{ 'Impersonate-Group': 'system:masters' }, 'groups "system:masters"'],
    [{ 'Impersonate-Uid': '7' }, 'uids.authentication.k8s.io "7"'],
    [{ 'Impersonate-Extra-Scopes': 'a' }, 'userextras.authentication.k8s.io "a"'],
  ] as const) {
    const { code, message } = (await as({ 'Impersonate-User': 'bob', ...more })) as Record<string, unknown>;
    t.match({ code, message }, { code: 403, message: `${what} is forbidden` });
  }
});

t.test('nobody is anybody', async (t) => {
  const headers = { authorization: '', 'Impersonate-User': 'kubernetes-admin' };
  t.equal((await request('GET', '/api/v1/namespaces', undefined, headers)).code, 401);
});
