/** What a plugin that goes to another thread takes along, and which cannot go. `host-bus.test.ts` moves one under load. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  definePlugin,
  Leases,
  optional,
  type PluginDeclaration,
  parseIsolation,
  services,
} from 'orlop/plugin';
import t from 'tap';
import { eventually, type TestKernel, testKernel } from '../cluster.ts';
import { testdir } from '../testdir.ts';

const loaders = { '.json': new URL('./host-plugins/json-loader.js', import.meta.url).href };
const secrets = { module: new URL('../../plugins/secrets/aesgcm/index.js', import.meta.url).href };
const tenant = { module: new URL('./host-plugins/tenant.js', import.meta.url).href };

function written(text: string): string {
  return `data:text/javascript,${encodeURIComponent(text)}`;
}

/** Serves `NAME.here`, and what `rest` declares beside. */
function module(name: string, rest = '', start = ''): { module: string } {
  const text = `
    import { isMainThread } from 'node:worker_threads';
    export default {
      name: '${name}', kind: 'mover.v1', version: '1.0.0', description: 'Goes from thread to thread.',
      grants: { subscribe: ['${name}.*'] }, ${rest}
      start(ctx) {
        ctx.bus.serve('${name}.here', () => ({ main: isMainThread, revision: ctx.plugin.revision }));
        ${start}
        return {};
      },
    };`;
  return { module: written(text) };
}

async function move(kernel: TestKernel, name: string, source: { module: string }, to: string): Promise<void> {
  await kernel.swap(name, { ...source, isolation: parseIsolation(to)! });
}

t.test('a singleton keeps its lease, and stands by where it does not have it', async (t) => {
  const single = module('single', 'singleton: true,');
  const timing = { lease: 3_000 };
  const kernel = await testKernel(t, { plugins: [single], timing });
  const other = await testKernel(t, { join: kernel, plugins: [single], timing });
  const here = () => kernel.bus.request<{ main: boolean; revision: number }>('single.here', null);
  const phase = (of: TestKernel) => of.plugins()[0]!.phase;
  await eventually('the other stands by', () => phase(other) === 'Standby');
  for (const [to, revision] of [
    ['worker/a', 2],
    ['worker/b', 3],
    ['inline', 4],
    ['worker/a', 5],
  ] as const) {
    await move(kernel, 'single', single, to);
    t.match(await here(), { main: to === 'inline', revision });
  }
  await move(other, 'single', single, 'worker/a');
  await eventually('one that stands by does so where it is moved to', () => phase(other) === 'Standby');
  const { spec } = (await kernel.objects.get(Leases, { namespace: 'kube-system', name: 'single' }))!.value;
  t.match(spec, { holderIdentity: kernel.id, leaseTransitions: 0 });
  const renewed = await eventually('it is renewed from its new thread', async () => {
    const lease = await other.objects.get(Leases, { namespace: 'kube-system', name: 'single' });
    return lease!.value.spec!.renewTime !== spec!.renewTime && lease!.value.spec;
  });
  t.match(renewed, { holderIdentity: kernel.id, leaseTransitions: 0 });
  t.match(await here(), { revision: 5 }, 'it has run all the time');
});

t.test('a program goes from its place to a worker and back', async (t) => {
  const manifest = { module: join(testdir(t), 'program.json') };
  writeFileSync(manifest.module, JSON.stringify({ name: 'program' }));
  const kernel = await testKernel(t, { plugins: [manifest], loaders });
  for (const [to, main] of [
    ['worker/a', false],
    ['process', true],
  ] as const) {
    await move(kernel, 'program', manifest, to);
    t.match(await kernel.bus.request('loaded.program', null), { main });
    t.match(kernel.plugins(), [{ isolation: to, phase: 'Running' }]);
  }
});

t.test('what would leave somebody without what they need stays', async (t) => {
  const Things = services<object>('things.v1');
  const provider = module(
    'provider',
    `provides: [{ kind: 'things.v1', many: true }],`,
    `return { provides: [{ token: { kind: 'things.v1', many: true }, name: 'a', service: {} }] };`,
  );
  const user = (rest: Partial<PluginDeclaration>): PluginDeclaration =>
    definePlugin({
      name: 'user',
      kind: 'user.v1',
      version: '1.0.0',
      description: 'Uses what others provide.',
      start: () => ({}),
      ...rest,
    }) as PluginDeclaration;
  const kernel = await testKernel(t, {
    plugins: [provider, secrets, { ...tenant, isolation: 'inline' }, user({ requires: { things: Things } })],
  });
  const broken = module(
    'provider',
    `provides: [{ kind: 'things.v1', many: true }],`,
    `throw new Error('no');`,
  );
  for (const [name, source, message] of [
    [
      'provider',
      provider,
      /"provider" cannot go to another thread: plugin "user" uses the things\.v1 that it provides/,
    ],
    [
      'secrets-aesgcm',
      secrets,
      /"secrets-aesgcm" cannot go to another thread: plugin "kernel" uses the secrets\.v1/,
    ],
    [
      'tenant',
      tenant,
      /"tenant" listens on 127\.0\.0\.1:\d+, and a listening socket cannot go to another thread/,
    ],
    ['user', { module: written('') }, /no plugin declaration/],
  ] as const)
    await t.rejects(move(kernel, name, source, 'worker/a'), { message });
  t.same(
    kernel
      .plugins()
      .map(({ name, phase, isolation, revision }) => `${name} ${phase} ${isolation} ${revision}`)
      .sort(),
    ['provider', 'secrets-aesgcm', 'tenant', 'user'].map((name) => `${name} Running inline 1`),
    'all go on where they are',
  );
  await kernel.swap('user', user({ requires: { things: optional({ kind: 'other.v1', many: false }) } }));
  await t.rejects(move(kernel, 'provider', broken, 'worker/a'), {
    message: /"provider" was not swapped.*: no/,
  });
  t.match(await kernel.bus.request('provider.here', null), { main: true, revision: 1 });
  await move(kernel, 'provider', provider, 'worker/a');
  t.match(await kernel.bus.request('provider.here', null), { main: false, revision: 2 });
});
