/** What `kubectl top` and autoscalers read, from the agent of a node whose pods use what they are told to. */
import { Nodes, Pods } from 'orlop/plugin';
import t from 'tap';
import { eventually } from '../../cluster.ts';
import { fakeNode } from '../node/cluster.ts';
import { testApi } from './cluster.ts';

const { plugins, runtime } = fakeNode(t);
const { kernel, kubectl, request } = await testApi(t, {
  node: 'n1',
  plugins,
  config: { node: { defaultRuntime: 'fake' } },
});
const METRICS = '/apis/metrics.k8s.io/v1beta1';

async function run(name: string, containers: string[], usage: Record<string, string>, namespace = 'default') {
  await kernel.objects.create(Pods, {
    metadata: {
      name,
      namespace,
      labels: { app: name },
      annotations: Object.fromEntries(
        Object.entries(usage).map(([key, value]) => [key.replace(/(\w+)$/, 'fake.orlop.dev/$1'), value]),
      ),
    },
    spec: { nodeName: 'n1', containers: containers.map((each) => ({ name: each, image: 'app:1' })) },
  });
  await eventually(`pod ${name} runs`, async () => {
    const pod = (await kernel.objects.get(Pods, { namespace, name }))?.value;
    return pod?.status?.phase === 'Running';
  });
}

/** Words of a table's lines, without its head. */
function cells(table: string): string[][] {
  const lines = table.trim().split('\n').slice(1);
  return lines.map((line) => line.trim().split(/ +/));
}

t.test('kubectl top', { timeout: 60_000 }, async (t) => {
  await run('web', ['main', 'side'], { 'main.cpu': '250m', 'side.cpu': '1500m', memory: '64Mi' });
  await run('idle', ['main'], {});
  await run('other', ['main'], { cpu: '2', memory: '1Gi' }, 'kube-system');
  // Nothing can be said about a pod before it has run for a while.
  await eventually('all are measured', async () => (await listed('')).length === 3);
  t.same(cells(await kubectl.ok('top pods')), [
    ['idle', '0m', '0Mi'],
    ['web', '1750m', '128Mi'],
  ]);
  t.same(cells(await kubectl.ok('top pod web --containers')).sort(), [
    ['web', 'main', '250m', '64Mi'],
    ['web', 'side', '1500m', '64Mi'],
  ]);
  t.same(cells(await kubectl.ok('top pods -A --sort-by=memory')), [
    ['kube-system', 'other', '2000m', '1024Mi'],
    ['default', 'web', '1750m', '128Mi'],
    ['default', 'idle', '0m', '0Mi'],
  ]);
  t.same(cells(await kubectl.ok('top pods -l app=web')), [['web', '1750m', '128Mi']]);
  const [node] = cells(await kubectl.ok('top nodes'));
  t.match(node, ['n1', /^\d+m$/, /^\d+%$/, /^\d+Mi$/, /^\d+%$/]);
});

t.test('the API', async (t) => {
  const pod = await request('GET', `${METRICS}/namespaces/default/pods/web`);
  t.match(pod.body, {
    kind: 'PodMetrics',
    apiVersion: 'metrics.k8s.io/v1beta1',
    metadata: { name: 'web', namespace: 'default', labels: { app: 'web' } },
    timestamp: /^\d{4}-.*Z$/,
    window: /^\d+\.\d{3}s$/,
    containers: [{ name: 'main', usage: { cpu: /^\d+n$/, memory: '65536Ki' } }, { name: 'side' }],
  });
  const age = Date.now() - Date.parse(pod.body.timestamp);
  t.ok(age > -1000 && age < 30_000, `measured ${age} ms ago`);
  t.ok(Number.parseFloat(pod.body.window) > 0.1 && Number.parseFloat(pod.body.window) < 60);
  const nodes = (await request('GET', `${METRICS}/nodes`)).body;
  t.match(nodes, { kind: 'NodeMetricsList', items: [{ kind: 'NodeMetrics', usage: { cpu: /^\d+n$/ } }] });
  t.match((await request('GET', `${METRICS}/nodes/n1`)).body, { metadata: { name: 'n1' } });
  t.same(await listed('?fieldSelector=metadata.name%3Didle'), ['idle']);
  t.match(await request('GET', `${METRICS}/namespaces/default/pods/none`), {
    code: 404,
    body: { message: 'podmetrics.metrics.k8s.io "default/none" not found' },
  });
  t.match(await request('GET', `${METRICS}/nodes/none`), {
    code: 404,
    body: { message: 'nodemetrics.metrics.k8s.io "none" not found' },
  });
  t.equal((await request('DELETE', `${METRICS}/nodes/n1`)).code, 405);
  t.equal((await request('GET', `${METRICS}/pods?watch=true`)).code, 405);
  t.match(await kubectl.ok('get podmetrics'), /^NAME +CPU +MEMORY +WINDOW\nidle +0n +0Ki +\d/);
  t.match(await kubectl.ok('get nodes.metrics.k8s.io n1'), /n1 +\d+n +\d+Ki/);
  t.match(await kubectl.ok('explain podmetrics.containers.usage'), /GROUP: +metrics.k8s.io/);
  t.match(await kubectl.ok('api-resources --api-group=metrics.k8s.io -o wide'), /PodMetrics +get,list/);
});

t.test('what cannot be measured is missing', async (t) => {
  await kernel.objects.create(Nodes, { metadata: { name: 'silent' } });
  t.match(await kubectl.ok('top nodes'), /^silent +<unknown>/m);
  await kernel.objects.delete(Pods, { namespace: 'default', name: 'idle' });
  await eventually('it is gone', async () => (await runtime.listPodSandbox()).length === 2);
  t.same(await listed(''), ['web', 'other']);
});

async function listed(query: string): Promise<string[]> {
  const { items } = (await request('GET', `${METRICS}/pods${query}`)).body;
  return items.map(({ metadata }: { metadata: { name: string } }) => metadata.name);
}
