import t from 'tap';
import { eventually } from '../../cluster.ts';
import { testApi } from '../apiserver/cluster.ts';
import { CONTROLLERS, podsIn, replicaSetsIn, standInNode } from './cluster.ts';

t.test('what kubectl does with Deployments and namespaces', { timeout: 120_000 }, async (t) => {
  const { kernel, kubectl } = await testApi(t, { plugins: CONTROLLERS });
  await standInNode(t, kernel, 'a');
  await kubectl.ok('create namespace shop');
  const run = (command: string): Promise<string> => kubectl.ok(`-n shop ${command}`);
  const image = (): Promise<string> =>
    run('get deployment web -o jsonpath={.spec.template.spec.containers[0].image}');

  await run('create deployment web --image=web:1 --replicas=3 --port=8080');
  t.match(
    await run('rollout status deployment/web --timeout=60s'),
    /deployment "web" successfully rolled out/,
  );
  t.match(await run('wait deployment/web --for=condition=Available --timeout=60s'), /condition met/);
  t.match(await run('get deployment web'), /web +3\/3 +3 +3 /);

  await run('scale deployment/web --replicas=5');
  await run('rollout status deployment/web --timeout=60s');
  t.match(await run('get deployment web'), /web +5\/5 +5 +5 /);

  await run('set image deployment/web web=web:2');
  await run('rollout status deployment/web --timeout=60s');
  t.equal(await image(), 'web:2');
  t.match(await run('rollout history deployment/web'), /^1 .*\n2 /m);
  await run('rollout undo deployment/web');
  await run('rollout status deployment/web --timeout=60s');
  t.equal(await image(), 'web:1');
  t.match(await run('rollout history deployment/web'), /^2 .*\n3 /m);
  t.equal((await replicaSetsIn(kernel, 'shop')).length, 2);

  await run('rollout restart deployment/web');
  await run('rollout status deployment/web --timeout=60s');
  t.equal((await replicaSetsIn(kernel, 'shop')).length, 3);
  await run('rollout pause deployment/web');
  await run('set image deployment/web web=web:3');
  await eventually('it is noted as paused', async () =>
    (await run('get deployment web -o jsonpath={.status.conditions[*].reason}')).includes('DeploymentPaused'),
  );
  t.equal((await replicaSetsIn(kernel, 'shop')).length, 3, 'nothing rolls while it is paused');
  await run('rollout resume deployment/web');
  await run('rollout status deployment/web --timeout=60s');
  t.match(
    await run('describe deployment web'),
    /ScalingReplicaSet .* Scaled up replica set web-\w+ from 0 to 3/,
  );

  await run('delete deployment web --cascade=orphan');
  t.equal((await replicaSetsIn(kernel, 'shop')).length, 4);
  await run('delete replicasets --all --cascade=foreground');
  t.strictSame(await podsIn(kernel, 'shop'), [], 'kubectl has waited for the pods');

  await run('create deployment web --image=web:1 --replicas=2');
  await run('expose deployment web --port=80 --target-port=8080');
  await run('rollout status deployment/web --timeout=60s');
  await eventually('its endpoints', async () =>
    /10\.1\.\d+\.\d+,10\.1\.\d+\.\d+/.test(await run('get endpointslices')),
  );
  // Kinds without a controller go with the namespace as well, and with their owner.
  await run('create role reader --verb=get --resource=pods');
  await run('create cronjob tick --image=busybox --schedule=@daily');
  await run('create job --from=cronjob/tick now');
  await run('delete cronjob tick');
  await eventually('its job goes', async () => (await run('get jobs -o name')) === '');
  await kubectl.ok('delete namespace shop --timeout=60s');
  t.equal(await kubectl.ok('get roles --all-namespaces -o name'), '');
  t.match(await kubectl('get namespace shop'), { code: 1, stderr: /NotFound/ });
  t.strictSame(await podsIn(kernel, 'shop'), []);
});
