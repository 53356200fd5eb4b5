/** Admission plugins before what clients and plugins write: what they are asked, what they may do, and that nothing passes by. */
import {
  Admission,
  type AdmissionRequest,
  type ConfigMap,
  ConfigMaps,
  definePlugin,
  type KubeObject,
  Leases,
  type ObjectClient,
  type PluginDeclaration,
  type Pod,
  provide,
  StatusError,
} from 'orlop/plugin';
import t, { type Test } from 'tap';
import { eventually } from '../../cluster.ts';
import { testdir } from '../../testdir.ts';
import { writer } from '../writer.ts';
import { type TestApi, testApi } from './cluster.ts';

const ALL: Admission['rules'] = [{ operations: ['*'], apiGroups: ['*'], resources: ['*'] }];
const DEPLOYMENT = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'default' },
  spec: {
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'a', image: 'b' }] } },
  },
};

function admissionPlugin(
  name: string,
  admission: Admission,
  use: (objects: ObjectClient) => void = () => {},
): PluginDeclaration {
  return definePlugin({
    name,
    kind: 'admission.v1',
    version: '1.0.0',
    description: 'Admits for a test.',
    grants: { objects: [{ resource: '*', verbs: '*' }] },
    provides: [Admission],
    start(ctx) {
      use(ctx.objects);
      return { provides: [provide(Admission, admission, name)] };
    },
  });
}

const configMap = (name: string): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default' },
});
const annotated = (object: KubeObject, key: string, value: string): KubeObject => ({
  ...object,
  metadata: { ...object.metadata, annotations: { ...object.metadata?.annotations, [key]: value } },
});

t.test('what is asked, of whom, and in which order', async (t) => {
  const seen: string[] = [];
  const requests: AdmissionRequest[] = [];
  const first: Admission = {
    rules: [
      {
        operations: ['*'],
        apiGroups: ['', 'apps', 'batch'],
        resources: ['*', 'deployments/scale', 'pods/*', 'serviceaccounts/token'],
      },
    ],
    mutate(request) {
      seen.push(`${request.operation} ${request.resource.resource}/${request.subResource} ${request.dryRun}`);
      return annotated(request.object!, 'seen-by', 'first');
    },
    validate(request) {
      requests.push(request);
      if (request.operation === 'DELETE' && request.name.startsWith('kept'))
        throw new StatusError('Forbidden', `${request.userInfo.username} keeps it`);
    },
  };
  const second: Admission = {
    rules: ALL,
    mutate: ({ object }) =>
      annotated(object!, 'seen-by', `${object!.metadata?.annotations?.['seen-by'] ?? ''} second`.trim()),
  };
  const { plugin, objects: written } = writer();
  const plugins = [admissionPlugin('b-second', second), admissionPlugin('a-first', first), plugin];
  const { kubectl, request } = await testApi(t, { plugins });
  const asked = async (what: () => Promise<unknown>): Promise<string[]> => {
    seen.length = 0;
    await what();
    return seen.filter((each) => !/namespaces|serviceaccounts|secrets/.test(each));
  };
  const create = (object: object, ...flags: string[]) =>
    kubectl.ok(['create', '-f', '-', ...flags], JSON.stringify(object));

  t.same(await asked(() => create(configMap('a'))), ['CREATE configmaps/ false']);
  t.match(
    await kubectl.ok('get configmap a -o yaml'),
    /seen-by: first second/,
    'in the order of their names',
  );
  t.match(
    requests.findLast(({ name }) => name === 'a'),
    {
      object: { apiVersion: 'v1', metadata: { annotations: { 'seen-by': 'first second' } } },
      namespace: 'default',
      userInfo: { username: 'admin' },
      resource: { group: '', version: 'v1', kind: 'ConfigMap', namespaced: true },
    },
  );
  t.same(await asked(() => create(configMap('dry'), '--dry-run=server')), ['CREATE configmaps/ true']);
  t.match(await kubectl('get configmap dry'), { code: 1 }, 'nothing is stored');
  t.same(await asked(() => kubectl.ok('label configmap a x=y')), ['UPDATE configmaps/ false'], 'a patch');
  const applied = JSON.stringify(DEPLOYMENT);
  const apply = () => kubectl.ok('apply --server-side -f -', applied);
  t.same(await asked(apply), ['CREATE deployments/ false'], 'an apply');
  t.same(await asked(apply), ['UPDATE deployments/ false']);
  t.same(await asked(() => kubectl.ok('scale deployment web --replicas=3')), [
    'UPDATE deployments/scale false',
  ]);
  t.match(requests.at(-1), { object: { spec: { replicas: 3 } }, oldObject: { spec: { replicas: 1 } } });
  const status = () =>
    kubectl.ok([
      'patch',
      'deployment',
      'web',
      '--subresource=status',
      '--type=merge',
      '-p',
      '{"status":{"replicas":1}}',
    ]);
  t.same(await asked(status), [], 'a subresource that its rules do not name');
  const path = '/apis/batch/v1beta1/namespaces/default/cronjobs';
  const job = {
    metadata: { name: 'j' },
    spec: {
      schedule: '* * * * *',
      jobTemplate: {
        spec: {
          template: {
            spec: { restartPolicy: 'Never', containers: [{ name: 'a', image: 'b' }] },
          },
        },
      },
    },
  };
  const older = { apiVersion: 'batch/v1beta1', kind: 'CronJob', ...job };
  t.equal((await request('POST', path, older)).body.apiVersion, 'batch/v1beta1');
  t.match(
    requests.at(-1),
    { object: { apiVersion: 'batch/v1' }, resource: { version: 'v1' } },
    'as it is stored',
  );

  const pod = { metadata: { name: 'p' }, spec: { containers: [{ name: 'a', image: 'b' }] } };
  await create({ apiVersion: 'v1', kind: 'Pod', ...pod });
  const pods = '/api/v1/namespaces/default/pods/p';
  const bind = () => request('POST', `${pods}/binding`, { target: { name: 'n' } });
  t.same(await asked(bind), ['CREATE pods/binding false'], 'what has no object of its own');
  t.match(requests.at(-1), { object: { kind: 'Binding', target: { name: 'n' } }, resource: { kind: 'Pod' } });
  await asked(() => kubectl.ok('create token default'));
  t.match(requests.at(-1), {
    subResource: 'token',
    object: { kind: 'TokenRequest', spec: { expirationSeconds: 3600 } },
  });
  t.same(await asked(() => request('POST', `${pods}/eviction`, {})), ['CREATE pods/eviction false']);
  t.match(
    requests.at(-1),
    { operation: 'DELETE', resource: { kind: 'Pod' }, name: 'p' },
    'and of what it deletes',
  );

  await create(configMap('kept-1'));
  await create(configMap('kept-2'));
  const keeps = /plugin "a-first" denied the request: admin keeps it/;
  t.match(await kubectl('delete configmap kept-1'), { code: 1, stderr: keeps });
  t.equal(
    (await request('DELETE', '/api/v1/namespaces/default/configmaps')).code,
    403,
    'of a collection too',
  );
  t.match(await kubectl.ok('get configmaps -o name'), /kept-1[\s\S]*kept-2/);

  const objects = written();
  const by = 'system:serviceaccount:kube-system:writer';
  t.match((await objects.create(ConfigMaps, configMap('mine'))).value, {
    metadata: { annotations: { 'seen-by': 'first second' } },
  });
  t.match(requests.at(-1), { operation: 'CREATE', userInfo: { username: by } }, 'of plugins as well');
  await objects.modify(ConfigMaps, { namespace: 'default', name: 'mine' }, (draft) => {
    Object.assign(draft, { data: { a: 'b' } });
  });
  t.match(requests.at(-1), { operation: 'UPDATE', subResource: '', object: { data: { a: 'b' } } });
  const deletion = objects.delete(ConfigMaps, { namespace: 'default', name: 'kept-1' });
  await t.rejects(deletion, { reason: 'Forbidden', message: /writer keeps it/ });
  await objects.delete(ConfigMaps, { namespace: 'default', name: 'mine' });
  t.match(requests.at(-1), { operation: 'DELETE', oldObject: { data: { a: 'b' } } });
  const lease = await objects.create(Leases, { metadata: { namespace: 'default', name: 'l' } });
  t.equal(lease.value.metadata?.annotations, undefined, 'but of nobody about a Lease');
});

t.test('what comes of a mutation, and what cannot', async (t) => {
  let own: ObjectClient | undefined;
  const made: Record<string, (object: KubeObject) => KubeObject | undefined> = {
    uid: (object) => ({ ...object, metadata: { ...object.metadata, uid: 'x' } }),
    frozen: (object) => Object.assign(object, { data: {} }),
    invalid: (object) => ({ ...object, data: { '../x': '' } }) as KubeObject,
    late: () => undefined,
    web: (object) => {
      const copy = structuredClone(object) as typeof DEPLOYMENT;
      Object.assign(copy.spec.template.spec.containers[0]!, { ports: [{ containerPort: 80 }] });
      return Object.assign(copy, { status: { replicas: 7 }, nonesuch: 1 });
    },
  };
  const admission: Admission = {
    rules: [{ operations: ['CREATE'], apiGroups: ['', 'apps'], resources: ['configmaps', 'deployments'] }],
    async mutate({ object, name }) {
      if (name === 'asks') await own!.create(ConfigMaps, configMap('asked'));
      return made[name]?.(object!) ?? object!;
    },
    validate({ name }) {
      if (name === 'taken') throw new StatusError('AlreadyExists', 'there is one');
    },
  };
  const plugin = admissionPlugin('changer', admission, (objects) => (own = objects));
  const debugged: Admission = {
    rules: [{ operations: ['*'], apiGroups: ['*'], resources: ['pods/ephemeralcontainers'] }],
    mutate({ object }) {
      const copy = structuredClone(object) as Pod;
      Object.assign(copy.spec!.ephemeralContainers![0]!, { image: 'safe' });
      return Object.assign(copy, { spec: { ...copy.spec, nodeName: 'other' } });
    },
  };
  const ruleless = { rules: [{ resources: ['nodes'] }] } as unknown as Admission;
  const plugins = [plugin, admissionPlugin('debugged', debugged), admissionPlugin('ruleless', ruleless)];
  const { kubectl } = await testApi(t, { plugins });
  const create = (object: object) => kubectl('create -f -', JSON.stringify(object));
  const fails = async (name: string, stderr: RegExp): Promise<void> => {
    t.match(await create(configMap(name)), { code: 1, stderr }, name);
    t.match(await kubectl(`get configmap ${name}`), { code: 1, stderr: /NotFound/ });
  };
  const failed = 'plugin "changer", which is to admit the CREATE of configmaps, failed: ';
  await fails(
    'uid',
    new RegExp(`${failed}.*metadata.uid must stay as it is; .*: kubectl delete plugin changer`),
  );
  await fails(
    'frozen',
    new RegExp(`InternalError.*${failed}Cannot add property data, object is not extensible`),
  );
  await fails('invalid', /"invalid" is invalid: .*data\[\.\.\/x\]: Invalid value/s);
  await fails('taken', /\(Forbidden\): .*plugin "changer" denied the request: there is one/);
  t.match(await create(configMap('asks')), { code: 0 }, 'what it writes itself waits for nobody');
  await kubectl.ok('get configmap asked');
  t.match(await create(DEPLOYMENT), { code: 0 });
  const port = '{.spec.template.spec.containers[0].ports[0].protocol}{.status.replicas}{.nonesuch}';
  t.equal(await kubectl.ok(['get', 'deployment', 'web', '-o', `jsonpath=${port}`]), 'TCP', 'it is defaulted');
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: DEPLOYMENT.spec.template.spec };
  t.match(await create(pod), { code: 0 });
  const debug = JSON.stringify({ spec: { ephemeralContainers: [{ name: 'd', image: 'unsafe' }] } });
  await kubectl.ok(['patch', 'pod', 'p', '--subresource=ephemeralcontainers', '-p', debug]);
  const images = 'jsonpath={.spec.ephemeralContainers[0].image}{.spec.nodeName}';
  t.equal(await kubectl.ok(['get', 'pod', 'p', '-o', images]), 'safe', 'of a part only the part is changed');
});

/** A module that marks what is created, and does not start while a global variable says so. */
function marking(version: string): string {
  const token = "{ kind: 'admission.v1', many: true }";
  return `const admission = {
    rules: [{ operations: ['CREATE'], apiGroups: [''], resources: ['configmaps'] }],
    mutate: async ({ object }) => ({ ...object, data: { version: '${version}' } }),
  };
  export default { name: 'marking', kind: 'admission.v1', version: '${version}', description: 'Marks.', provides: [${token}],
    start() {
      if (globalThis.hasNoLuck) throw new Error('no luck');
      return { provides: [{ token: ${token}, name: 'marking', service: admission }] };
    } };`;
}

async function load({ kubectl, kernel }: TestApi, module: string, version: string): Promise<void> {
  const plugin = {
    apiVersion: 'orlop.dev/v1',
    kind: 'Plugin',
    metadata: { name: 'marking' },
    spec: { module },
  };
  await kubectl.ok('apply -f -', JSON.stringify(plugin));
  await eventually(`version ${version} runs`, () =>
    kernel.plugins().some((each) => each.version === version && each.phase === 'Running'),
  );
}

t.test('a swap under a stream of creations, and a start of the kernel', async (t) => {
  const folder = testdir(t, { '1.mjs': marking('1'), '2.mjs': marking('2') });
  const api = await testApi(t, { timing: { restart: 600_000 } });
  await load(api, `${folder}/1.mjs`, '1');
  const marks = await swapped(t, api, () => load(api, `${folder}/2.mjs`, '2'));
  t.same([...new Set(marks)], ['1', '2'], 'each is asked of one of the two, and none fails');
  const last = await swapped(t, api, () => api.kubectl.ok('delete plugin marking'));
  t.same([...new Set(last)], ['2', 'undefined'], 'none fails when it is deleted, either');
  const isThere = () => api.kernel.plugins().some(({ name }) => name === 'marking');
  await eventually('it is gone', () => !isThere());
  await load(api, `${folder}/2.mjs`, '2');

  Object.assign(globalThis, { hasNoLuck: true });
  await api.kernel.stop();
  const again = await testApi(t, { dataDir: api.kernel.dataDir, timing: { restart: 600_000 } });
  const refused = await again.request('POST', '/api/v1/namespaces/default/configmaps', configMap('z'));
  t.match(refused, {
    code: 503,
    body: { message: /"marking", which is to admit the CREATE of configmaps, failed: it/ },
  });
  await eventually('it is clear why', async () => {
    const { stderr } = await again.kubectl('create configmap z');
    return /failed: it is Failed: .*no luck/.test(stderr);
  });
  await again.kubectl.ok('create serviceaccount z');
  await again.kubectl.ok('delete plugin marking');
  await eventually('it is asked no more', async () => (await again.kubectl('create configmap z')).code === 0);
});

/** What creations were marked with while it is swapped, and a little before and after. */
async function swapped(t: Test, { request }: TestApi, swap: () => Promise<unknown>): Promise<string[]> {
  const marks: string[] = [];
  let isOver = false;
  const stream = async (worker: number): Promise<void> => {
    for (let index = 0; !isOver; index += 1) {
      const answer = await request(
        'POST',
        '/api/v1/namespaces/default/configmaps',
        configMap(`m-${worker}-${index}-${Date.now()}`),
      );
      if (answer.code !== 201) t.fail(answer.text);
      marks.push(String(answer.body.data?.version));
    }
  };
  const streams = [1, 2, 3, 4].map(stream);
  await eventually('some are there', () => marks.length > 20);
  await swap();
  await eventually('they are marked as they are to be now', () => marks.at(-1) !== marks[0]);
  isOver = true;
  await Promise.all(streams);
  return marks;
}
