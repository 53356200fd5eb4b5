import { type ContainerStatus, Pods } from 'orlop/plugin';
import t from 'tap';
import { eventually } from '../../cluster.ts';
import { nodeCluster } from './cluster.ts';

const main = (pod: { status?: { containerStatuses?: ContainerStatus[] } }) =>
  pod.status!.containerStatuses![0]!;

t.test('pods outlive the agent', async (t) => {
  const cluster = await nodeCluster(t);
  const { runtime } = cluster;
  const probe = { httpGet: { port: 80 }, periodSeconds: 0.05 };
  const uid = await cluster.run('steady', {
    containers: [{ name: 'main', image: 'app:1', readinessProbe: probe }],
  });
  const orphan = await cluster.run('orphan');
  await cluster.ready('steady');
  await cluster.ready('orphan');
  const container = runtime.container(uid, 'main');
  const before = await cluster.get('steady');

  const module = new URL('../../../plugins/node/index.js', import.meta.url).href;
  await cluster.kernel.swap('node', { module, config: { defaultRuntime: 'fake', crashLoopBaseMs: 50 } });
  const other = await cluster.run('other');
  await cluster.ready('other');
  t.equal(runtime.container(uid, 'main'), container, 'the same container runs on after a swap of the agent');

  const { addresses } = cluster;
  await cluster.kernel.objects.delete(Pods, { namespace: 'default', name: 'orphan' });
  await eventually('the orphan ends', () => !runtime.container(orphan, 'main'));

  addresses.clear();
  cluster.kernel = await cluster.kernel.restart();
  await cluster.run('third');
  await cluster.ready('third');
  t.equal(runtime.container(uid, 'main'), container, 'and after a restart of the kernel');
  t.same(
    addresses.get(uid),
    { ip: before!.status!.podIP, attachment: 'local' },
    'its address is known again',
  );
  t.notSame(addresses.get(other), addresses.get(uid));
  const after = await cluster.get('steady');
  t.equal(main(after!).restartCount, 0);
  t.same(after!.status!.conditions, before!.status!.conditions, 'it was ready all along');
  container!.exit(1);
  await cluster.until('steady', 'is restarted', (pod) => main(pod).restartCount === 1);
});

t.test('pods that went with their process come back', async (t) => {
  const cluster = await nodeCluster(t);
  const { runtime } = cluster;
  await cluster.run('web');
  await cluster.run('once', { restartPolicy: 'Never' });
  await cluster.run('done', { restartPolicy: 'Never' }, { 'exit-code': '0' });
  await cluster.ready('web');
  await cluster.ready('once');
  await cluster.until('done', 'succeeds', (pod) => pod.status?.phase === 'Succeeded');
  const stopped = cluster.kernel.stop();
  await stopped;
  for (const sandbox of await runtime.listPodSandbox()) await runtime.removePodSandbox(sandbox.id);
  cluster.kernel = await cluster.kernel.restart();
  await cluster.until('web', 'is back', (pod) => main(pod).ready && main(pod).restartCount === 1);
  const once = await cluster.until('once', 'has failed', (pod) => pod.status?.phase === 'Failed');
  t.equal(main(once).state!.terminated!.reason, 'ContainerStatusUnknown');
  t.match(await cluster.get('done'), { status: { phase: 'Succeeded' } });
});
