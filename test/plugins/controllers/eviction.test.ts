/** Evictions and the budgets they are taken from, with kubectl. */
import { type PodDisruptionBudget, PodDisruptionBudgets, Pods, timestamp } from 'orlop/plugin';
import t from 'tap';
import { budgetStatus } from '../../../plugins/controllers/disruption/budget.ts';
import disruption from '../../../plugins/controllers/disruption/index.ts';
import { eventually } from '../../cluster.ts';
import { testApi } from '../apiserver/cluster.ts';
import { CONTROLLERS, standInNode } from './cluster.ts';

t.test('kubectl drain', { timeout: 120_000 }, async (t) => {
  const { kernel, kubectl, request } = await testApi(t, { plugins: [...CONTROLLERS, disruption] });
  await standInNode(t, kernel, 'a');
  await kubectl.ok('create deployment web --image=web:1 --replicas=3');
  await kubectl.ok('create poddisruptionbudget web --selector=app=web --max-unavailable=1');
  await kubectl.ok('rollout status deployment/web --timeout=60s');
  const wait = (allowed: number) =>
    kubectl.ok([
      'wait',
      'pdb/web',
      `--for=jsonpath={.status.disruptionsAllowed}=${allowed}`,
      '--timeout=30s',
    ]);
  await wait(1);
  t.match(await kubectl.ok('get pdb web'), /web +N\/A +1 +1 /);
  const status = async () =>
    (await kernel.objects.get(PodDisruptionBudgets, { namespace: 'default', name: 'web' }))!.value.status!;
  t.match(await status(), { currentHealthy: 3, desiredHealthy: 2, expectedPods: 3 });

  const names = (await kubectl.ok('get pods -o name'))
    .trim()
    .split('\n')
    .map((name) => name.slice(4));
  const evict = (name: string, more: object = {}) =>
    request('POST', `/api/v1/namespaces/default/pods/${name}/eviction`, {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name },
      ...more,
    });
  t.equal((await evict(names[0]!, { deleteOptions: { dryRun: ['All'] } })).code, 201);
  t.equal((await status()).disruptionsAllowed, 1, 'a dry run takes nothing');
  t.match(await evict(names[0]!, { metadata: { name: 'other' } }), { code: 400 });
  t.match(await evict('none'), { code: 404 });

  // Nowhere to go to: the next pods stay pending.
  await kubectl.ok('cordon a');
  t.equal((await evict(names[0]!)).code, 201);
  const refused = await evict(names[1]!);
  t.match(refused, {
    code: 429,
    body: {
      reason: 'TooManyRequests',
      message: "Cannot evict pod as it would violate the pod's disruption budget.",
      details: {
        causes: [
          {
            reason: 'DisruptionBudget',
            message: /^The disruption budget web needs 2 healthy pods and has \d currently$/,
          },
        ],
      },
    },
  });
  t.equal(refused.headers['retry-after'], undefined, 'nobody knows when');
  await eventually('the budget counts it as gone', async () => (await status()).currentHealthy === 2);
  await wait(0);
  const stuck = await kubectl('drain a --timeout=3s');
  t.match(stuck, { code: 1, stderr: /Cannot evict pod as it would violate the pod's disruption budget/ });

  await standInNode(t, kernel, 'b');
  t.match(
    await kubectl.ok('drain a --timeout=60s'),
    /node\/a drained/,
    'it waits for the others to be ready elsewhere',
  );
  const { items } = await kernel.objects.list(Pods, { where: (pod) => pod.spec?.nodeName === 'a' });
  t.same(items, []);
  await kubectl.ok('rollout status deployment/web --timeout=60s');
});

t.test('pods that no budget holds', async (t) => {
  const { kernel, kubectl, request } = await testApi(t, { plugins: [disruption] });
  const evict = (name: string) =>
    request('POST', `/api/v1/namespaces/default/pods/${name}/eviction`, {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name },
    });
  const run = async (name: string, phase: string) => {
    await kubectl.ok(`run ${name} --image=a --labels=app=a`);
    await kernel.objects.modify(
      Pods,
      { namespace: 'default', name },
      (draft) => void Object.assign(draft.status!, { phase }),
    );
  };
  await run('one', 'Running');
  const budget = {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: 'a' },
    spec: { minAvailable: 1, selector: { matchLabels: { app: 'a' } } },
  };
  await kubectl.ok('create -f -', JSON.stringify(budget));
  await kubectl.ok('wait pdb/a --for=jsonpath={.status.observedGeneration}=1 --timeout=30s');
  t.equal((await evict('one')).code, 429, 'unhealthy, but the budget is not met');
  await kubectl.ok([
    'patch',
    'pdb',
    'a',
    '--type=merge',
    '-p',
    '{"spec":{"unhealthyPodEvictionPolicy":"AlwaysAllow"}}',
  ]);
  t.equal((await evict('one')).code, 201);
  await run('done', 'Succeeded');
  t.equal((await evict('done')).code, 201);
  await run('two', 'Running');
  await kubectl.ok('create -f -', JSON.stringify({ ...budget, metadata: { name: 'b' } }));
  t.match(await evict('two'), { code: 500, body: { message: /more than one PodDisruptionBudget/ } });
});

t.test('what a budget allows', async (t) => {
  const now = Date.now();
  const pod = (name: string, ready = true) => ({
    metadata: { name },
    status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  });
  const pods = [pod('a'), pod('b'), pod('c', false)];
  const allowed = (spec: object, status: object = {}, expected = 4) => {
    const budget = { metadata: { generation: 3 }, spec, status } as PodDisruptionBudget;
    const { desiredHealthy, disruptionsAllowed } = budgetStatus(
      budget,
      pods,
      { expected, unmanaged: [] },
      now,
    );
    return [desiredHealthy, disruptionsAllowed];
  };
  t.same(allowed({ minAvailable: 1 }), [1, 1]);
  t.same(allowed({ minAvailable: '25%' }), [1, 1]);
  t.same(allowed({ minAvailable: '26%' }), [2, 0], 'a share is rounded up');
  t.same(allowed({ maxUnavailable: '75%' }), [1, 1]);
  t.same(allowed({ maxUnavailable: 1 }, {}, 0), [0, 0], 'nothing is known of who keeps the pods');
  t.same(
    allowed({ minAvailable: 1 }, { disruptedPods: { a: timestamp() } }),
    [1, 0],
    'one that was evicted is gone',
  );
  const old = timestamp(new Date(now - 121_000));
  t.same(allowed({ minAvailable: 1 }, { disruptedPods: { a: old } }), [1, 1], 'for two minutes');
});
