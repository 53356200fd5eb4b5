import { ConfigMaps, definePlugin, provide, VolumeDrivers } from 'orlop/plugin';
import t from 'tap';
import { eventually, testKernel } from '../../cluster.ts';
import { fakeNode, NodeCluster } from './cluster.ts';

t.test('an agent that has left looks after no volume any more', async (t) => {
  let calls = 0;
  let release = (): void => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const slow = {
    async setUp({ dir }: { dir: string }) {
      calls += 1;
      if (calls > 1) await gate;
      return dir;
    },
    async tearDown() {},
  };
  const driver = definePlugin({
    name: 'volume-slow',
    kind: 'volume.v1',
    version: '1.0.0',
    description: 'Takes its time.',
    provides: [VolumeDrivers],
    start: () => ({ provides: [provide(VolumeDrivers, slow, 'nfs')] }),
  });
  const { runtime, addresses, plugins } = fakeNode(t);
  const kernel = await testKernel(t, {
    node: 'n1',
    plugins: [driver, ...plugins],
    config: { node: { defaultRuntime: 'fake' } },
  });
  const cluster = new NodeCluster(kernel, runtime, addresses);
  const config = { metadata: { name: 'c', namespace: 'default' }, data: { a: '1' } };
  await kernel.objects.create(ConfigMaps, config);
  const volumes = [
    { name: 'v', nfs: { server: 's', path: '/' } },
    { name: 'c', configMap: { name: 'c' } },
  ];
  await cluster.run('web', { volumes });
  await cluster.ready('web');
  await kernel.objects.update(ConfigMaps, { ...config, data: { a: '2' } });
  await eventually('its volumes are refreshed', () => calls === 2);
  await kernel.stop();
  const timers = (): number => process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length;
  const before = timers();
  release();
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  t.equal(timers(), before, 'nothing keeps the process alive');
});
