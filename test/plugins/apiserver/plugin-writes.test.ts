/** What plugins write passes the API's admission too. */
import {
  ConfigMaps,
  type Context,
  definePlugin,
  type Instance,
  type Pod,
  Pods,
  ReplicaSets,
  WriteAdmission,
} from 'orlop/plugin';
import t from 'tap';
import { eventually, testKernel } from '../../cluster.ts';
import { standard, testApi } from './cluster.ts';

const TEMPLATE = {
  metadata: { labels: { app: 'web' }, annotations: { note: 'x' } },
  spec: {
    containers: [
      {
        name: 'web',
        image: 'web',
        ports: [{ containerPort: 80 }],
        readinessProbe: { httpGet: { port: 80 } },
        resources: { limits: { cpu: '1', memory: '1Gi' } },
      },
    ],
    volumes: [{ name: 'scratch' }],
  },
};
const DEPLOYMENT = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: { selector: { matchLabels: { app: 'web' } }, template: TEMPLATE },
};

/** A plugin whose context a test may use. */
function tenant(use: (ctx: Context) => void) {
  return definePlugin({
    name: 'tenant',
    kind: 'controller.v1',
    version: '1.0.0',
    description: 'Writes for a test.',
    grants: { objects: [{ resource: '*', verbs: '*' }] },
    start(ctx): Instance {
      use(ctx as unknown as Context);
      return {};
    },
  });
}

t.test("a controller's objects are as the API would have made them", async (t) => {
  const controllers = ['controllers/deployment', 'controllers/replicaset'].map((path) => standard(path));
  const { kernel, kubectl } = await testApi(t, { plugins: controllers });
  await kubectl.ok('create -f -', JSON.stringify(DEPLOYMENT));
  const made = await eventually('its pod', async () => (await kernel.objects.list(Pods)).items[0]?.value);
  const { labels, annotations, ownerReferences } = made.metadata!;
  const same = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'same', labels, annotations, ownerReferences },
    spec: TEMPLATE.spec,
  };
  // Its controller has all the pods it wants.
  delete (same.metadata as { ownerReferences?: unknown }).ownerReferences;
  same.metadata.labels = { ...labels, app: 'other' };
  await kubectl.ok('create -f -', JSON.stringify(same));
  const other = (await kernel.objects.get(Pods, { namespace: 'default', name: 'same' }))!.value;
  t.same(comparable(made), comparable(other));
  t.match(made, {
    metadata: { generation: 1 },
    spec: { enableServiceLinks: true, terminationGracePeriodSeconds: 30, tolerations: [{}, {}] },
    status: { phase: 'Pending', qosClass: 'Guaranteed' },
  });
  const replicaSet = (await kernel.objects.list(ReplicaSets)).items[0]!.value;
  t.match(replicaSet.spec?.template?.spec, { dnsPolicy: 'ClusterFirst', schedulerName: 'default-scheduler' });
});

/** What does not differ by nature: names, and the random one of the token's volume. */
function comparable({ spec, status }: Pod): unknown {
  const text = JSON.stringify({ spec, status });
  return JSON.parse(text.replaceAll(/kube-api-access-\w+/g, 'kube-api-access'));
}

t.test('what the API refuses is refused to plugins', async (t) => {
  let ctx: Context | undefined;
  const { kubectl } = await testApi(t, { plugins: [tenant((given) => (ctx = given))] });
  const create = (namespace: string, data: Record<string, string>) =>
    ctx!.objects.create(ConfigMaps, { metadata: { generateName: 'made-', namespace }, data });
  await t.rejects(create('none', {}), { reason: 'NotFound', message: /namespaces "none" not found/ });
  await t.rejects(create('default', { '../x': '' }), {
    reason: 'Invalid',
    message: /data\[\.\.\/x\]: Invalid value/,
  });
  const { key } = await create('default', { fine: 'yes' });
  t.match(key.name, /^made-.{5}$/);
  const given = {
    metadata: { name: 'mine', namespace: 'default' },
    spec: { containers: [{ name: 'a', image: 'b' }] },
  };
  await ctx!.objects.transact([{ verb: 'create', resource: Pods, object: given }]);
  t.equal('schedulerName' in given.spec, false, "the writer's own object stays as it is");
  t.equal(await kubectl.ok('get pod mine -o jsonpath={.spec.schedulerName}'), 'default-scheduler');
});

t.test('an admission of another kind', async (t) => {
  let ctx: Context | undefined;
  const seen: string[] = [];
  const policy: WriteAdmission = {
    concerns: (_verb, resource) => resource.resource === 'configmaps',
    async admit(write, writer) {
      seen.push(`${writer} ${write.verb}`);
      if (write.verb === 'delete') return write;
      return { ...write, object: { ...write.object, data: { checked: 'yes' } } };
    },
  };
  const provider = definePlugin({
    name: 'policy',
    kind: 'policy.v1',
    version: '1.0.0',
    description: 'Marks what is written.',
    provides: [WriteAdmission],
    start: () => ({ provides: [{ token: WriteAdmission, name: '', service: policy }] }),
  });
  await testKernel(t, { plugins: [provider, tenant((given) => (ctx = given))] });
  const { objects } = ctx!;
  const key = { namespace: 'default', name: 'a' };
  const stored = await objects.create(ConfigMaps, { metadata: key });
  t.same(stored.value.data, { checked: 'yes' });
  await objects.update(ConfigMaps, { ...structuredClone(stored.value), data: {} });
  const other = objects.modify(
    ConfigMaps,
    key,
    (draft) => Object.assign(draft, { data: { other: 'x' } }) && undefined,
  );
  t.same((await other).value.data, { checked: 'yes' });
  t.equal((await objects.modify(ConfigMaps, key, () => false)).revision, (await other).revision);
  await objects.delete(ConfigMaps, key);
  t.same(
    seen,
    ['create', 'update', 'update', 'delete'].map((verb) => `tenant ${verb}`),
  );
});
