/** Modules that `import` does not take, and instances that say themselves that they are at their end. */
import { writeFileSync } from 'node:fs';
import { definePlugin, Plugins } from 'orlop/plugin';
import t from 'tap';
import { eventually, testKernel } from '../cluster.ts';
import { testdir } from '../testdir.ts';

const loaders = { '.json': new URL('./host-plugins/json-loader.js', import.meta.url).href };

t.test('a loader makes a plugin of a file', async (t) => {
  const dir = testdir(t, {
    'a.json': '{"name":"a"}',
    'b.json': '{"name":"b","isolation":{"worker":"w"}}',
    'damaged.json': '{',
  });
  const kernel = await testKernel(t, {
    plugins: [{ module: `${dir}/a.json` }, { module: `${dir}/b.json` }],
    loaders,
    timing: { restart: 20 },
  });
  t.match(
    kernel.plugins().map(({ name, isolation, phase }) => `${name} ${isolation} ${phase}`),
    ['a process Running', 'b worker/w Running'],
  );
  t.same(await kernel.bus.request('loaded.a', null), { main: true, revision: 1 });
  t.same(await kernel.bus.request('loaded.b', null), { main: false, revision: 1 }, 'in a worker too');

  await kernel.swap('a', { module: `${dir}/a.json`, isolation: 'inline' });
  t.same(await kernel.bus.request('loaded.a', null), { main: true, revision: 2 });
  t.equal(kernel.plugins().find(({ name }) => name === 'a')?.isolation, 'process', 'inline is its proxy');

  kernel.bus.publish('loaded.fail.a', null);
  await eventually('a is restarted', () => kernel.plugins()[0]!.revision === 3);
  t.same(await kernel.bus.request('loaded.a', null), { main: true, revision: 3 });

  writeFileSync(`${dir}/c.json`, '{"name":"c"}');
  await kernel.objects.create(Plugins, { metadata: { name: 'c' }, spec: { module: `${dir}/c.json` } });
  await eventually('c runs', async () => {
    const c = await kernel.objects.get(Plugins, { name: 'c' });
    return c?.value.status?.phase === 'Running' && c.value.status.isolation === 'process';
  });
  await kernel.objects.delete(Plugins, { name: 'c' });
  await eventually('c is unloaded', () => kernel.plugins().every(({ name }) => name !== 'c'));

  await t.rejects(kernel.swap('a', { module: `${dir}/none.json` }), {
    reason: 'NotFound',
    message: /cannot load plugin module .*none\.json/,
  });
  await t.rejects(kernel.swap('a', { module: `${dir}/damaged.json` }), {
    reason: 'Invalid',
    message: /JSON/,
  });
  const script = definePlugin({
    name: 'a',
    kind: 'loaded.v1',
    version: '1.0.0',
    description: 'Claims a process.',
    isolation: 'process',
    start: () => ({}),
  });
  await t.rejects(kernel.swap('a', script), { reason: 'Invalid', message: /is a JavaScript module/ });
  t.equal(kernel.plugins()[0]!.phase, 'Running', 'what was refused changed nothing');
});
