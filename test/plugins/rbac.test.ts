/** What roles and bindings allow: the core by itself, then through the API with the real kubectl. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type {
  AccessAttributes,
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  RoleBinding,
  Subject,
  UserInfo,
} from 'orlop/plugin';
import t from 'tap';
import { skeletonFiles } from '../../plugins/cli/plugin/skeleton.ts';
import { ruleAllows } from '../../plugins/rbac/match.ts';
import { Policy } from '../../plugins/rbac/policy.ts';
import { eventually } from '../cluster.ts';
import { testdir } from '../testdir.ts';
import { standard, testApi } from './apiserver/cluster.ts';

const GROUP = 'rbac.authorization.k8s.io';
const rule = (verbs: string, group: string, resources: string, names = ''): PolicyRule => ({
  verbs: verbs.split(' '),
  apiGroups: [group],
  resources: resources.split(' '),
  ...(names === '' ? {} : { resourceNames: names.split(' ') }),
});
const urls = (...nonResourceURLs: string[]): PolicyRule => ({ verbs: ['get'], nonResourceURLs });

t.test('a rule', async (t) => {
  const get = { verb: 'get', group: '', resource: 'pods' };
  const cases: [PolicyRule, AccessAttributes, boolean][] = [
    [rule('get', '', 'pods'), get, true],
    [rule('list watch', '', 'pods'), get, false],
    [rule('*', '*', '*'), { ...get, group: 'x.io', subresource: 'y', name: 'z' }, true],
    [rule('get', 'apps', 'pods'), get, false],
    [rule('get', '', 'pods'), { ...get, subresource: 'log' }, false],
    [rule('get', '', 'pods/log'), { ...get, subresource: 'log' }, true],
    [rule('get', '', 'pods/log'), get, false],
    [rule('get', '', '*/log'), { ...get, subresource: 'log' }, true],
    [rule('get', '', '*/log'), get, false],
    [rule('get', '', '*/log'), { ...get, subresource: 'catalog' }, false],
    [rule('get', '', 'pods/*'), { ...get, subresource: 'log' }, false],
    [rule('get', '', '*'), { ...get, subresource: 'log' }, true],
    [rule('get', '', 'pods', 'a b'), { ...get, name: 'b' }, true],
    [rule('get', '', 'pods', 'a b'), { ...get, name: 'c' }, false],
    [rule('list', '', 'pods', 'a'), { ...get, verb: 'list' }, false],
    [rule('*', '*', '*'), { verb: 'get', path: '/healthz' }, false],
    [urls('/healthz'), { verb: 'get', path: '/healthz' }, true],
    [urls('/healthz'), { verb: 'post', path: '/healthz' }, false],
    [urls('/healthz'), { verb: 'get', path: '/healthz/x' }, false],
    [urls('/apis/*'), { verb: 'get', path: '/apis/apps/v1' }, true],
    [urls('/apis/*'), { verb: 'get', path: '/apis' }, false],
    [urls('*'), { verb: 'get', path: '/x' }, true],
    [urls('/*/x'), { verb: 'get', path: '/y/x' }, false],
    [urls('*'), get, false],
  ];
  for (const [given, asked, allowed] of cases) {
    t.equal(ruleAllows(given, asked), allowed, `${JSON.stringify(given)} and ${JSON.stringify(asked)}`);
  }
});

t.test('roles and bindings', async (t) => {
  const policy = new Policy();
  const bind = (
    name: string,
    kind: 'Role' | 'ClusterRole',
    role: string,
    subjects: Subject[],
    namespace?: string,
  ): RoleBinding | ClusterRoleBinding => ({
    metadata: { name, ...(namespace ? { namespace } : {}) },
    roleRef: { apiGroup: GROUP, kind, name: role },
    subjects,
  });
  const amy: Subject = { kind: 'User', name: 'amy' };
  const web: Subject = { kind: 'ServiceAccount', name: 'web', namespace: 'shop' };
  policy.setRole({ metadata: { name: 'read' }, rules: [rule('get', '', 'pods'), urls('/x')] });
  policy.setRole({ metadata: { name: 'read', namespace: 'a' }, rules: [rule('get', '', 'secrets')] });
  policy.setBinding(bind('in-a', 'ClusterRole', 'read', [amy, { kind: 'Group', name: 'dev' }], 'a'));
  policy.setBinding(bind('own', 'Role', 'read', [web, { kind: 'ServiceAccount', name: 'own' }], 'a'));
  policy.setBinding(bind('all', 'ClusterRole', 'read', [web]));
  policy.setBinding(bind('lost', 'ClusterRole', 'none', [{ kind: 'User', name: 'bob' }]));
  const may = (username: string, resource: string, namespace?: string, ...groups: string[]) =>
    policy.authorize({ username, groups }, { verb: 'get', group: '', resource, namespace });
  t.same(may('amy', 'pods', 'a'), {
    allowed: true,
    reason: 'RBAC: allowed by RoleBinding "in-a/a" of ClusterRole "read" to User "amy"',
  });
  t.equal(may('amy', 'secrets', 'a').allowed, false, 'a RoleBinding of a ClusterRole is not of the Role');
  t.equal(may('amy', 'pods', 'b').allowed, false);
  t.equal(may('amy', 'pods').allowed, false, 'not in all namespaces at once');
  t.equal(may('eve', 'pods', 'a', 'dev').allowed, true);
  t.equal(may('dev', 'pods', 'a', 'amy').allowed, false, 'a user is no group');
  t.match(may('system:serviceaccount:shop:web', 'secrets', 'a'), {
    reason: /to ServiceAccount "web\/shop"$/,
  });
  t.match(may('system:serviceaccount:a:own', 'secrets', 'a'), { reason: /to ServiceAccount "own\/a"$/ });
  t.equal(may('system:serviceaccount:shop:web', 'pods').allowed, true);
  t.equal(may('system:serviceaccount:shop:web', 'secrets', 'b').allowed, false);
  t.same(may('bob', 'pods'), { allowed: false, reason: `RBAC: clusterrole.${GROUP} "none" not found` });
  const url = (user: UserInfo): boolean => policy.authorize(user, { verb: 'get', path: '/x' }).allowed;
  t.equal(url({ username: 'amy', groups: [] }), false, 'a RoleBinding gives no paths');
  t.equal(url({ username: 'system:serviceaccount:shop:web', groups: [] }), true);
  t.same(policy.rules({ username: 'amy', groups: [] }, 'a'), {
    resourceRules: [rule('get', '', 'pods')],
    nonResourceRules: [urls('/x')],
    incomplete: false,
  });
  policy.setBinding(bind('in-a', 'ClusterRole', 'read', [web], 'a'));
  t.equal(may('amy', 'pods', 'a').allowed, false, 'no longer a subject');
  policy.deleteBinding(bind('all', 'ClusterRole', 'read', []));
  t.equal(may('system:serviceaccount:shop:web', 'pods').allowed, false);
  policy.deleteRole({ metadata: { name: 'read' } } as ClusterRole);
  t.match(may('system:serviceaccount:shop:web', 'pods', 'a'), { allowed: false, reason: /"read" not found/ });
});

t.test('with kubectl', async (t) => {
  const { kubectl, request, url } = await testApi(t, {
    plugins: [standard('controllers/clusterroleaggregation')],
  });
  const can = async (args: string): Promise<string> => (await kubectl(`auth can-i ${args}`)).stdout.trim();

  await t.test('what every cluster has', async (t) => {
    t.match(
      await kubectl.ok('get clusterroles -l kubernetes.io/bootstrapping=rbac-defaults'),
      /^cluster-admin /m,
    );
    await eventually('admin has the rules of edit and view', async () =>
      /pods\/log.*localsubjectaccessreviews|localsubjectaccessreviews.*pods\/log/s.test(
        await kubectl.ok('describe clusterrole admin'),
      ),
    );
    t.equal(await can('create pods'), 'yes', 'the administrator');
    t.equal(await can('get /metrics'), 'yes');
    t.equal(await can('list pods --as=amy'), 'no');
    t.equal(await can('get /apis/apps --as=amy'), 'yes', 'discovery');
    t.equal(await can('get /metrics --as=amy'), 'no');
    t.match(await kubectl('get pods --as=amy'), {
      code: 1,
      stderr:
        'Error from server (Forbidden): pods is forbidden: User "amy" cannot list resource "pods" in API group "" in the namespace "default"\n',
    });
    t.match(await kubectl('get deployment web --as=amy'), {
      stderr:
        /deployments\.apps "web" is forbidden: User "amy" cannot get resource "deployments" in API group "apps" in/,
    });
    t.match(await kubectl('get nodes --as=amy'), { stderr: /in API group "" at the cluster scope$/m });
    t.match(await kubectl('get --raw /metrics --as=amy'), {
      stderr: /forbidden: User "amy" cannot get path "\/metrics"/,
    });
    t.match(await kubectl.ok('auth can-i --list --as=amy'), /selfsubjectreviews.*\[create\]/);
    t.notMatch(await kubectl.ok('auth can-i --list --as=amy'), /^pods/m);
    t.match(await kubectl.ok('auth can-i --list'), /^\*\.\*/m);
  });

  await t.test('a namespace’s viewer, editor and administrator', async (t) => {
    await kubectl.ok('create namespace shop');
    for (const [role, user] of [
      ['view', 'vic'],
      ['edit', 'eve'],
      ['admin', 'ann'],
    ] as const) {
      await kubectl.ok(`create rolebinding ${role} --clusterrole=${role} --user=${user} -n shop`);
      const answers = [];
      for (const args of [
        'list pods',
        'get pods/x --subresource=log',
        'get secrets',
        'create deployments',
        'create roles',
      ])
        answers.push(await can(`${args} -n shop --as=${user}`));
      t.same(
        answers,
        { view: 'yes yes no no no', edit: 'yes yes yes yes no', admin: 'yes yes yes yes yes' }[role].split(
          ' ',
        ),
      );
      t.equal(await can(`list pods --as=${user}`), 'no', 'of its namespace only');
      t.match(await kubectl.ok(`get namespace shop --as=${user}`), /^shop/m);
      t.equal((await kubectl(`get namespaces --as=${user}`)).code, 1);
    }
    t.match(
      (await kubectl('auth can-i --list -n shop --as=vic')).stdout,
      /pods\/log +\[\] +\[\] +\[get list watch\]/,
    );
  });

  await t.test('a token may nothing until it is bound, and then exactly that', async (t) => {
    await kubectl.ok('create serviceaccount robot');
    const token = (await kubectl.ok('create token robot')).trim();
    const as = [
      '--kubeconfig=/dev/null',
      '--insecure-skip-tls-verify',
      `--server=${url}`,
      `--token=${token}`,
    ];
    const robot = (args: string) => kubectl([...args.split(' '), ...as]);
    t.match(await robot('get configmaps'), {
      stderr: /User "system:serviceaccount:default:robot" cannot list resource "configmaps"/,
    });
    await kubectl.ok('create configmap one --from-literal=a=1');
    await kubectl.ok('create configmap two --from-literal=a=1');
    await kubectl.ok(
      'create role one --verb=get,list,watch,update,patch --resource=configmaps --resource-name=one',
    );
    await kubectl.ok('create rolebinding robot --role=one --serviceaccount=default:robot');
    t.match(await robot('get configmap one'), { code: 0 });
    t.match(await robot('get configmaps --field-selector=metadata.name=one'), { code: 0, stdout: /^one/m });
    t.match(await robot('label configmap one a=b'), { code: 0 });
    t.match(await robot('delete configmap one'), { code: 1, stderr: /cannot delete/ });
    const absent = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'one' } };
    await kubectl.ok('delete configmap one');
    t.match(await kubectl(['apply', '--server-side', '-f', '-', ...as], JSON.stringify(absent)), {
      code: 1,
      stderr: /configmaps "one" is forbidden: User ".*" cannot create resource "configmaps"/,
    });
    await kubectl.ok('create configmap one --from-literal=a=1');
    t.match(await robot('get configmap two'), { code: 1, stderr: /configmaps "two" is forbidden/ });
    t.match(await robot('get configmaps'), { code: 1 });
    t.match(await robot('get configmaps --as=amy'), {
      stderr:
        /users "amy" is forbidden: User "system:serviceaccount:default:robot" cannot impersonate resource "users" in API group "" at the cluster scope/,
    });
    const headers = { authorization: `Bearer ${token}` };
    const watched = '/api/v1/watch/namespaces/default/configmaps/one';
    t.equal((await request('DELETE', watched, undefined, headers)).code, 405, 'a watch only reads');
    t.equal((await request('GET', `${watched}/status`, undefined, headers)).code, 404);
    t.equal((await robot('auth whoami')).code, 0);
    t.equal((await robot('api-resources')).code, 0);
    await kubectl.ok('delete rolebinding robot');
    t.equal((await robot('get configmap one')).code, 1, 'at once');
    await kubectl.ok(
      'create clusterrolebinding robots --clusterrole=view --group=system:serviceaccounts:default',
    );
    t.equal((await robot('get pods --all-namespaces')).code, 0);
  });

  await t.test('nobody gives what they do not have', async (t) => {
    const ann = '-n shop --as=ann';
    t.match(await kubectl(`create role reach --verb=get --resource=nodes,pods ${ann}`), {
      code: 1,
      stderr:
        /roles\.rbac\.authorization\.k8s\.io "reach" is forbidden: user "ann" \(groups=\["system:authenticated"\]\) is attempting to grant RBAC permissions not currently held:\n\{APIGroups:\[""\], Resources:\["nodes"\], Verbs:\["get"\]\}/,
    });
    t.equal((await kubectl(`create role pods --verb=get --resource=pods ${ann}`)).code, 0);
    t.equal((await kubectl(`create rolebinding pods --role=pods --user=x ${ann}`)).code, 0);
    t.equal((await kubectl(`create rolebinding e --clusterrole=edit --user=x ${ann}`)).code, 0);
    t.match(await kubectl(`create rolebinding all --clusterrole=cluster-admin --user=ann ${ann}`), {
      stderr: /not currently held:\n\{APIGroups:\["\*"\], Resources:\["\*"\], Verbs:\["\*"\]\}/,
    });
    t.match(await kubectl(`create rolebinding none --clusterrole=none --user=x ${ann}`), {
      stderr: /"none" not found/,
    });
    const wider = ['patch', 'role', 'pods', '-n', 'shop', '--as=ann', '--type=json', '-p'];
    const rules = [{ op: 'add', path: '/rules/0/resources/-', value: 'nodes' }];
    t.match(await kubectl([...wider, JSON.stringify(rules)]), { stderr: /attempting to grant/ });
    await kubectl.ok(
      'create clusterrole binder --verb=bind --resource=clusterroles --resource-name=cluster-admin',
    );
    await kubectl.ok('create rolebinding binder --clusterrole=binder --user=ann -n shop');
    t.equal(
      (await kubectl(`create rolebinding all --clusterrole=cluster-admin --user=ann ${ann}`)).code,
      0,
      'bind',
    );
    t.equal(await can(`delete secrets ${ann}`), 'yes');
    t.equal(await can('delete secrets --as=ann'), 'no');
    const many = Array.from({ length: 200 }, (_, n) => `r${n}`);
    const huge = { metadata: { name: 'huge' }, rules: [{ verbs: many, apiGroups: [''], resources: many }] };
    const headers = { 'Impersonate-User': 'vic' };
    await kubectl.ok('create role roles --verb=* --resource=roles.rbac.authorization.k8s.io -n shop');
    await kubectl.ok('create rolebinding roles --role=roles --user=vic -n shop');
    const path = '/apis/rbac.authorization.k8s.io/v1/namespaces/shop/roles';
    t.equal((await request('POST', path, huge, headers)).code, 201, 'who may escalate');
    await kubectl.ok('delete rolebinding roles -n shop');
    await kubectl.ok('create role writer --verb=create --resource=roles.rbac.authorization.k8s.io -n shop');
    await kubectl.ok('create rolebinding writer --role=writer --user=vic -n shop');
    t.match(await request('POST', path, { ...huge, metadata: { name: 'more' } }, headers), {
      code: 403,
      body: { message: /more than 20000 combinations/ },
    });
  });

  await t.test('reviews', async (t) => {
    const review = async (kind: string, spec: object, namespace = '') => {
      const path = `/apis/authorization.k8s.io/v1${namespace && `/namespaces/${namespace}`}/${kind.toLowerCase()}s`;
      return (await request('POST', path, { apiVersion: 'authorization.k8s.io/v1', kind, spec })).body.status;
    };
    const resourceAttributes = { verb: 'list', resource: 'pods', namespace: 'shop' };
    t.same(await review('SubjectAccessReview', { user: 'vic', resourceAttributes }), {
      allowed: true,
      reason: 'RBAC: allowed by RoleBinding "view/shop" of ClusterRole "view" to User "vic"',
    });
    t.same(await review('SubjectAccessReview', { user: 'nobody', resourceAttributes }), { allowed: false });
    t.match(await review('LocalSubjectAccessReview', { user: 'vic', resourceAttributes }, 'shop'), {
      allowed: true,
    });
    const nonResourceAttributes = { verb: 'get', path: '/version' };
    const groups = ['system:unauthenticated'];
    t.match(await review('SubjectAccessReview', { groups, nonResourceAttributes }), { allowed: true });
    t.match(await review('SelfSubjectRulesReview', { namespace: 'shop' }), { incomplete: false });
  });

  await t.test('a union follows what it selects', async () => {
    await kubectl.ok('create clusterrole boats --verb=get --resource=leases.coordination.k8s.io');
    await kubectl.ok(`label clusterrole boats ${GROUP}/aggregate-to-view=true`);
    await eventually(
      'vic may',
      async () => (await can('get leases.coordination.k8s.io -n shop --as=vic')) === 'yes',
    );
    await kubectl.ok('delete clusterrole boats');
    await eventually(
      'vic may not',
      async () => (await can('get leases.coordination.k8s.io -n shop --as=vic')) === 'no',
    );
  });
});

t.test('without an authorizer only system:masters may do anything', async (t) => {
  const { kubectl } = await testApi(t, { authorizer: false });
  t.equal((await kubectl('get namespaces')).code, 0);
  t.match(await kubectl('get namespaces --as=amy'), { stderr: /has no plugin of kind authorizer\.v1/ });
  t.match((await kubectl('auth can-i list pods --as=amy')).stderr, /forbidden/);
});

t.test('the skeleton takes its place in a running cluster, and gives it back', async (t) => {
  const { kubectl } = await testApi(t);
  const example = skeletonFiles('authorizer.v1', 'authorizer-readers')['index.mjs']!;
  const folder = testdir(t);
  const apply = async (spec: object): Promise<void> => {
    const plugin = { apiVersion: 'orlop.dev/v1', kind: 'Plugin', metadata: { name: 'rbac' }, spec };
    await kubectl.ok('apply --server-side --force-conflicts -f -', JSON.stringify(plugin));
    const generation = await kubectl.ok('get plugin rbac -o jsonpath={.metadata.generation}');
    await kubectl.ok(['wait', 'plugin/rbac', `--for=jsonpath={.status.observedGeneration}=${generation}`]);
  };
  t.equal((await kubectl('get pods --as=amy')).code, 1);
  const slow = example.replace('authorize: (', 'authorize: async (');
  for (const [name, text] of Object.entries({ example, slow })) {
    const module = join(folder, `${name}.mjs`);
    writeFileSync(module, text);
    await apply({ module });
    t.equal((await kubectl('get pods --as=amy')).code, 0, `${name}: everybody reads`);
    t.equal((await kubectl('get secrets --as=amy')).code, 1);
  }
  await apply({});
  t.equal((await kubectl('get pods --as=amy')).code, 1);
  t.equal((await kubectl('get --raw /version --as=amy')).code, 0);
});
