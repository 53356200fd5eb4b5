import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import {
  ConfigMaps,
  type Context,
  definePlugin,
  type Grants,
  Leases,
  optional,
  type PluginDeclaration,
  Plugins,
  provide,
  type Resource,
  Secrets,
  service,
  services,
} from 'orlop/plugin';
import t from 'tap';
import { covers } from '../../kernel/contract/grants.ts';
import { eventually, testKernel } from '../cluster.ts';

interface Greeter {
  greet(name: string): string;
}
const Greeter = service<Greeter>('greeter.v1');
const Greeters = services<Greeter>('greeters.v1');

// biome-ignore lint/suspicious/noExplicitAny: a test's plugins differ in their requirements
function plugin(name: string, rest: Partial<PluginDeclaration<any, any>>): PluginDeclaration {
  return definePlugin({
    name,
    kind: 'test.v1',
    version: '1.0.0',
    description: 'A plugin of a test.',
    start: () => ({}),
    ...rest,
  }) as PluginDeclaration;
}

function greeter(word: string, rest: Partial<PluginDeclaration> = {}): PluginDeclaration {
  return plugin('greeter', {
    provides: [Greeter],
    start: () => ({ provides: [provide(Greeter, { greet: (name) => `${word}, ${name}` })] }),
    ...rest,
  });
}

t.test('plugins start in order, find each other, and stop in reverse', async (t) => {
  const log: string[] = [];
  const named = plugin('named', {
    provides: [Greeters],
    start: () => ({ provides: [provide(Greeters, { greet: (name) => `hey ${name}` }, 'hey')] }),
  });
  const consumer = plugin('consumer', {
    requires: { greeter: Greeter, all: Greeters, nobody: optional(service<Greeter>('nobody.v1')) },
    start(
      ctx: Context<
        unknown,
        { greeter: typeof Greeter; all: typeof Greeters; nobody: ReturnType<typeof optional<Greeter>> }
      >,
    ) {
      log.push(ctx.services.greeter.greet('bob'), [...ctx.services.all.keys()].join());
      t.equal(ctx.services.nobody, undefined);
      ctx.defer(() => void log.push('first deferred'));
      ctx.defer(() => void log.push('second deferred'));
      return {
        stop() {
          log.push(`stop ${ctx.signal.aborted} ${ctx.services.greeter.greet('eve')}`);
        },
      };
    },
  });
  const kernel = await testKernel(t, { plugins: [consumer, named, greeter('hello')], node: 'n1' });
  t.equal(kernel.service(Greeter).greet('amy'), 'hello, amy');
  t.match(
    kernel.plugins(),
    [
      { name: 'greeter', phase: 'Running', revision: 1, provides: ['greeter.v1'] },
      { name: 'named', provides: ['greeters.v1/hey'] },
      { name: 'consumer', phase: 'Running', isolation: 'inline' },
    ].sort(
      (a, b) =>
        kernel.plugins().findIndex((each) => each.name === a.name) -
        kernel.plugins().findIndex((each) => each.name === b.name),
    ),
  );
  await kernel.stop();
  t.same(log, ['hello, bob', 'hey', 'stop true hello, eve', 'second deferred', 'first deferred']);
});

t.test('a plugin that fails is unwound, shown and tried again; one that skips is not', async (t) => {
  const undone: string[] = [];
  let attempts = 0;
  const flaky = plugin('flaky', {
    start(ctx) {
      ctx.defer(() => void undone.push('undone'));
      attempts += 1;
      if (attempts < 3) throw new Error('not yet');
      return {};
    },
  });
  const skipped = plugin('skipped', { start: (ctx) => ctx.skip('no engine here') });
  const dependent = plugin('dependent', { requires: { greeter: Greeter } });
  const late = greeter('late', {
    start() {
      if (attempts < 3) throw new Error('too early');
      return { provides: [provide(Greeter, { greet: () => 'late' })] };
    },
  });
  const kernel = await testKernel(t, { plugins: [flaky, skipped, dependent, late], timing: { restart: 20 } });
  const phaseOf = (name: string) => kernel.plugins().find((each) => each.name === name);
  t.match(phaseOf('flaky'), {
    phase: 'Failed',
    healthy: false,
    message: 'plugin "flaky" revision 1: not yet',
  });
  t.match(phaseOf('dependent'), { phase: 'Pending', message: 'waits for greeter.v1' });
  t.match(phaseOf('skipped'), { phase: 'Skipped', message: 'no engine here' });
  await eventually('flaky runs', () => phaseOf('flaky')?.phase === 'Running');
  t.equal(undone.length, 2);
  await eventually('what waited for it runs', () => phaseOf('dependent')?.phase === 'Running');
});

t.test('a required plugin that fails ends the start, and what had started', async (t) => {
  let stopped = false;
  const first = greeter('hello', {
    start: () => ({
      provides: [provide(Greeter, { greet: () => '' })],
      stop: () => {
        stopped = true;
      },
    }),
  });
  const needed = plugin('needed', {
    required: true,
    requires: { greeter: Greeter },
    start() {
      throw new Error('disk on fire');
    },
  });
  await t.rejects(testKernel(t, { plugins: [first, needed] }), {
    message:
      /plugin "needed", which is required, does not run \(Failed\): plugin "needed" revision 1: disk on fire/,
  });
  t.ok(stopped);
});

t.test('an unhealthy instance is restarted', async (t) => {
  let starts = 0;
  const sick = plugin('sick', {
    start() {
      const first = ++starts === 1;
      return { health: () => ({ healthy: !first, ...(first ? { message: 'fever' } : {}) }) };
    },
  });
  const kernel = await testKernel(t, { plugins: [sick], timing: { health: 20, restart: 10 } });
  await eventually('it is seen', () => kernel.plugins()[0]?.message === 'fever');
  await eventually(
    'it is restarted',
    () => kernel.plugins()[0]?.healthy && kernel.plugins()[0]?.revision === 2,
  );
});

t.test('grants hold', async (t) => {
  let ctx!: Context;
  const grants: Grants = {
    objects: [{ resource: ConfigMaps, verbs: ['get', 'list', 'watch', 'create'] }],
    publish: ['work.*.done'],
    subscribe: ['work.>'],
  };
  const probe = plugin('probe', {
    grants,
    start(given) {
      ctx = given;
      return {};
    },
  });
  const kernel = await testKernel(t, { plugins: [probe] });
  const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'default' } } as const;
  const forbidden = (message: RegExp) => ({ reason: 'Forbidden', message });
  await ctx.objects.create(ConfigMaps, { ...map });
  t.equal((await ctx.objects.get(ConfigMaps, map.metadata))?.key.name, 'a');
  const key = { namespace: 'default', name: 'a' };
  await t.rejects(
    ctx.objects.update(ConfigMaps, { ...map }),
    forbidden(
      /plugin "probe" revision 1 may not update configmaps: add the verb 'update' for ConfigMap to its grants\.objects/,
    ),
  );
  await t.rejects(
    ctx.objects.modify(ConfigMaps, key, () => {}),
    forbidden(/may not update configmaps/),
  );
  await t.rejects(ctx.objects.delete(ConfigMaps, key), forbidden(/may not delete configmaps/));
  await t.rejects(ctx.objects.list(Secrets), forbidden(/may not list secrets/));
  t.throws(
    () => ctx.objects.watch(Secrets, {}, { event() {}, closed() {} }),
    forbidden(/may not watch secrets/),
  );
  await t.rejects(
    ctx.objects.transact([{ verb: 'create', resource: Leases, object: {} }]),
    forbidden(/may not create leases\.coordination\.k8s\.io/),
  );

  let reads = 0;
  const shifty: Resource = {
    ...ConfigMaps,
    get resource() {
      return reads++ === 0 ? 'configmaps' : 'secrets';
    },
  };
  const found = await ctx.objects.list(shifty);
  t.equal(found.items[0]?.value.kind, 'ConfigMap', 'a descriptor that changes is read once');
  const mutable = { ...ConfigMaps };
  await ctx.objects.list(mutable as Resource);
  Object.assign(mutable, { resource: 'secrets' });
  t.equal(
    (await ctx.objects.list(mutable as Resource)).items.length,
    1,
    'and one that is changed later is not read again',
  );

  ctx.bus.publish('work.a.done', 1);
  t.throws(
    () => ctx.bus.publish('work.a', 1),
    forbidden(/may not publish to "work\.a": add it to its grants\.publish/),
  );
  await t.rejects(ctx.bus.request('other', 1), forbidden(/may not publish/));
  await t.rejects(ctx.bus.openStream('$JS.API.STREAM.PURGE.objects', 1), forbidden(/may not publish/));
  t.throws(() => ctx.bus.subscribe('>', () => {}), forbidden(/may not subscribe to ">"/));
  t.throws(() => ctx.bus.publish('work.a\r\nPUB x.done', 1), { message: /is not a subject/ });
  await t.rejects(
    ctx.listen({ host: '127.0.0.1', port: 0 }, () => {}),
    forbidden(/may not listen.*add 'net' to its grants\.host/),
  );

  let ended = false;
  ctx.objects.watch(
    ConfigMaps,
    { initial: true },
    {
      event() {},
      closed: () => {
        ended = true;
      },
    },
  );
  await kernel.stop();
  t.ok(ended, 'a watch ends with its instance');
  await t.rejects(
    ctx.objects.get(ConfigMaps, key),
    forbidden(/plugin "probe" revision 1 was stopped: its context is revoked/),
  );
  t.throws(() => ctx.bus.publish('work.a.done', 1), forbidden(/revoked/));
});

t.test('a granted pattern covers what it matches and no more', async (t) => {
  const cases: [string, string, boolean][] = [
    ['a.b', 'a.b', true],
    ['a.*', 'a.b', true],
    ['a.*', 'a.>', false],
    ['a.*', 'a.b.c', false],
    ['a.>', 'a.b.c', true],
    ['a.>', 'a', false],
    ['a.>', 'a.*.>', true],
    ['a.b', 'a.*', false],
    ['>', '>', true],
    ['*', '>', false],
  ];
  for (const [pattern, subject, expected] of cases)
    t.equal(covers(pattern, subject), expected, `${pattern} ${subject}`);
});

t.test('an address in use is refused, and its holder named', async (t) => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  t.teardown(() => other.close());
  const { port } = other.address() as { port: number };
  const web = plugin('web', {
    grants: { host: ['net'] },
    required: true,
    async start(ctx) {
      await ctx.listen({ host: '127.0.0.1', port }, () => {});
      return {};
    },
  });
  await t.rejects(testKernel(t, { plugins: [web] }), {
    message: new RegExp(
      `cannot listen on 127.0.0.1:${port}: the address is in use \\(process ${process.pid} \\(.*\\)\\); stop what uses it or configure`,
    ),
  });
});

t.test('a connection left behind ends with its plugin', async (t) => {
  let port = 0;
  const web = plugin('web', {
    grants: { host: ['net'] },
    async start(ctx) {
      const listener = await ctx.listen({ host: '127.0.0.1', port: 0 }, (socket) => void socket.write('hi'));
      port = listener.port;
      return {};
    },
  });
  const kernel = await testKernel(t, { plugins: [web] });
  const client = connect(port, '127.0.0.1');
  await once(client, 'data');
  client.on('error', () => {});
  await Promise.all([once(client, 'close'), kernel.stop()]);
});

t.test('Plugin objects say what runs', async (t) => {
  const kernel = await testKernel(t, {
    plugins: [greeter('hello'), plugin('skipped', { start: (ctx) => ctx.skip('not here') })],
  });
  const read = async (name: string) => (await kernel.objects.get(Plugins, { name }))?.value;
  const object = await eventually('greeter is reported', async () => {
    const found = await read('greeter');
    return found?.status?.phase === 'Running' && found;
  });
  t.match(object, {
    kind: 'Plugin',
    spec: {},
    status: {
      ...{ kind: 'test.v1', version: '1.0.0', isolation: 'inline' },
      ...{ provides: ['greeter.v1'], healthy: true, revision: 1, kernels: [kernel.id] },
    },
  });
  await eventually('skipped is reported', async () => {
    const status = (await read('skipped'))?.status;
    return status?.phase === 'Skipped' && status.message === 'not here';
  });
  await kernel.objects.delete(Plugins, { name: 'greeter' });
  await eventually('a deleted one comes back', () => read('greeter'));
});
