import { Authorizer, definePlugin, provide, StatusError } from 'orlop/plugin';
import t from 'tap';
import { testApi } from './cluster.ts';

t.test('an authorizer that fails allows nothing, and a review says why', async (t) => {
  const failing = definePlugin({
    name: 'failing',
    kind: 'authorizer.v1',
    version: '1.0.0',
    description: 'Allows questions about access, and has no answer to them.',
    provides: [Authorizer],
    start: () => ({
      provides: [
        provide(Authorizer, {
          authorize(_user, { group }) {
            if (group === 'authorization.k8s.io') return { allowed: true, reason: '' };
            throw new StatusError('Timeout', 'it took longer than 1000 ms');
          },
          rules() {
            throw new Error('the file of policies is gone');
          },
        }),
      ],
    }),
  });
  const { request, kubectl } = await testApi(t, { authorizer: false, plugins: [failing] });
  const review = async (kind: string, spec: object, namespace = '') => {
    const path = `/apis/authorization.k8s.io/v1${namespace && `/namespaces/${namespace}`}/${kind.toLowerCase()}s`;
    const body = { apiVersion: 'authorization.k8s.io/v1', kind, spec };
    const answer = await request('POST', path, body, { 'impersonate-user': 'amy' });
    return [answer.code, answer.body.status];
  };
  const resourceAttributes = { verb: 'list', resource: 'pods', namespace: 'shop' };
  const failed = [201, { allowed: false, evaluationError: 'it took longer than 1000 ms' }];
  t.same(await review('SubjectAccessReview', { user: 'vic', resourceAttributes }), failed);
  t.same(await review('SelfSubjectAccessReview', { resourceAttributes }), failed);
  t.same(await review('LocalSubjectAccessReview', { user: 'vic', resourceAttributes }, 'shop'), failed);
  t.same(await review('SelfSubjectRulesReview', { namespace: 'shop' }), [
    201,
    {
      resourceRules: [],
      nonResourceRules: [],
      incomplete: true,
      evaluationError: 'the file of policies is gone',
    },
  ]);
  const asked = await kubectl('auth can-i list pods --as=amy');
  t.match(asked, { code: 1, stdout: 'no - it took longer than 1000 ms' }, 'as kubectl shows it');
  t.match(await request('GET', '/api/v1/pods', undefined, { 'impersonate-user': 'amy' }), { code: 504 });
  const text = /^\[-\]authorizer failed: it took longer than 1000 ms\n.*ok\nreadyz check failed\n$/ms;
  t.match(await request('GET', '/readyz'), { code: 500, text });
});
