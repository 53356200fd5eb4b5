/** A plugin that tries to do more than it is granted, or to go on after it was replaced. */
import { once } from 'node:events';
import { connect } from 'node:net';
import {
  ConfigMaps,
  type Context,
  definePlugin,
  Leases,
  type Listener,
  type PluginDeclaration,
  provide,
  type Resource,
  Secrets,
  service,
  services,
  type Write,
} from 'orlop/plugin';
import t from 'tap';
import { testKernel } from '../cluster.ts';

interface Greeter {
  greet(): string;
}
const Greeters = services<Greeter>('greeters.v1');
const Greeter = service<Greeter>('greeter.v1');

// biome-ignore lint/suspicious/noExplicitAny: a test's plugins differ in their requirements
function plugin(name: string, rest: Partial<PluginDeclaration<any, any>>): PluginDeclaration {
  const about = { name, kind: 'test.v1', version: '1.0.0', description: 'A plugin of a test.' };
  return definePlugin({ ...about, start: () => ({}), ...rest }) as PluginDeclaration;
}

const forbidden = (message: RegExp) => ({ reason: 'Forbidden', message });
const config = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'a', namespace: 'default' },
} as const;

t.test('a list that lies about itself writes nothing else', async (t) => {
  let ctx!: Context;
  const probe = plugin('probe', {
    grants: { objects: [{ resource: ConfigMaps, verbs: ['create'] }] },
    start: (given) => {
      ctx = given;
      return {};
    },
  });
  const kernel = await testKernel(t, { plugins: [probe] });
  const smuggled: Write = {
    verb: 'create',
    resource: Leases,
    object: { metadata: { name: 'l', namespace: 'default' } },
  };
  const harmless: Write[] = [{ verb: 'create', resource: ConfigMaps, object: { ...config } }];
  const lying = Object.assign(harmless, { map: () => [smuggled] });
  await ctx.objects.transact(lying as Write[]);
  t.equal((await kernel.objects.list(ConfigMaps)).items.length, 1);
  t.equal((await kernel.objects.list(Leases, { namespace: 'default' })).items.length, 0);
  const mixed = [{ verb: 'create' as const, resource: ConfigMaps, object: { ...config } }, smuggled];
  await t.rejects(ctx.objects.transact(mixed), forbidden(/may not create leases.coordination.k8s.io/));
  let verbs = 0;
  const shifty = {
    resource: ConfigMaps,
    object: {},
    key: { namespace: 'default', name: 'a' },
    get verb() {
      return verbs++ === 0 ? 'create' : 'delete';
    },
  };
  await ctx.objects.transact([shifty as unknown as Write]).catch(() => undefined);
  t.ok(
    await kernel.objects.get(ConfigMaps, { namespace: 'default', name: 'a' }),
    'a verb that changes is read once',
  );
});

t.test('no alias, prototype or pattern reaches what is not granted', async (t) => {
  let ctx!: Context;
  const probe = plugin('probe', {
    grants: {
      objects: [{ resource: ConfigMaps, verbs: ['get', 'list', 'watch'] }],
      publish: ['work.*'],
      subscribe: ['work.*'],
    },
    start: (given) => {
      ctx = given;
      return {};
    },
  });
  const kernel = await testKernel(t, { plugins: [probe] });
  const aliases: Partial<Resource>[] = [
    { resource: 'secrets' },
    { resource: ['secrets'] as unknown as string },
    { resource: { toString: () => 'secrets', valueOf: () => 'configmaps' } as unknown as string },
    { resource: 'configmaps/../secrets' },
    { resource: 'configmaps.secrets' },
    { resource: '*' },
    { group: '*' },
    { group: 'v1' },
  ];
  for (const alias of aliases) {
    await t.rejects(ctx.objects.list({ ...ConfigMaps, ...alias } as Resource), forbidden(/may not list/));
  }
  const heir = Object.create(Secrets) as Resource;
  await t.rejects(ctx.objects.list(heir), forbidden(/may not list/), 'what is inherited does not count');
  t.equal(Object.getPrototypeOf(ctx.objects), Object.prototype, 'behind it is nothing but closures');
  t.equal(Object.getPrototypeOf(ctx.bus), Object.prototype);
  const watch = ctx.objects.watch(ConfigMaps, { initial: true }, { event() {}, closed() {} });
  t.same(Reflect.ownKeys(watch), ['close'], 'a watch gives no more than its end');

  for (const subject of [
    '>',
    '*',
    '*.a',
    'work.>',
    '$JS.API.>',
    '$JS.API.STREAM.INFO.objects',
    '$SYS.>',
    '_INBOX.>',
    'obj.>',
  ]) {
    t.throws(() => ctx.bus.subscribe(subject, () => {}), forbidden(/may not subscribe/), subject);
    t.throws(() => ctx.bus.publish(subject, null), forbidden(/may not publish/), subject);
    await t.rejects(ctx.bus.request(subject, null), forbidden(/may not publish/));
  }
  let asked = 0;
  const shifty = { toString: () => (asked++ === 0 ? 'work.a' : '$JS.API.STREAM.PURGE.objects') };
  ctx.bus.publish(shifty as unknown as string, null);
  t.equal(asked, 1, 'a subject that changes is read once');

  const id = kernel.id;
  t.throws(() => Object.assign(ctx.kernel, { id: 'usurper' }), TypeError);
  t.equal(ctx.kernel.id, id);
});

t.test('nobody writes in the name of a user without the grant', async (t) => {
  const kept: Context[] = [];
  const start = (ctx: Context) => {
    kept.push(ctx);
    return {};
  };
  const objects = [{ resource: ConfigMaps, verbs: '*' as const }];
  const kernel = await testKernel(t, {
    plugins: [
      plugin('probe', { grants: { objects }, start }),
      plugin('front', { grants: { objects, impersonate: true }, start }),
    ],
  });
  const asked = forbidden(/may not write on behalf of user "amy": add impersonate: true to its grants/);
  const of = (name: string): Context => kept.find((ctx) => ctx.plugin.name === name)!;
  t.throws(() => of('probe').objects.onBehalfOf('amy'), asked);
  const amys = of('front').objects.onBehalfOf('amy');
  t.throws(() => amys.onBehalfOf(undefined as unknown as string), /named by a string, not undefined/);
  await amys.create(ConfigMaps, { ...config });
  const [past] = await of('probe').objects.history(ConfigMaps, config.metadata);
  t.match(past, { writer: 'front', user: 'amy' });
  await t.rejects(amys.list(Secrets), forbidden(/"front" revision 1 may not list secrets/));
  await kernel.swap('front', plugin('front', { grants: { objects } }));
  const revoked = forbidden(/was replaced by revision 2/);
  t.throws(() => of('front').objects.onBehalfOf('amy'), revoked);
  await t.rejects(amys.create(ConfigMaps, { ...config }), revoked);
});

t.test('what several plugins share is not one’s to change', async (t) => {
  const seen: string[] = [];
  const settings: Record<string, unknown>[] = [];
  const named = plugin('named', {
    provides: [Greeters],
    start: () => ({ provides: [provide(Greeters, { greet: () => 'hello' }, 'one')] }),
  });
  const rogue = plugin('rogue', {
    requires: { all: Greeters },
    config: { type: 'object', properties: { word: { type: 'string', default: 'plain' } } },
    start(ctx: Context<Record<string, unknown>, { all: typeof Greeters }>) {
      const all = ctx.services.all as Map<string, Greeter>;
      t.throws(() => all.set('one', { greet: () => 'owned' }));
      t.throws(() => all.clear());
      t.throws(() => Map.prototype.set.call(all, 'one', { greet: () => 'owned' }));
      settings.push({ ...ctx.config });
      ctx.config['word'] = 'changed';
      return {};
    },
  });
  const other = plugin('other', {
    requires: { all: Greeters },
    start(ctx: Context<unknown, { all: typeof Greeters }>) {
      for (const [name, one] of ctx.services.all)
        seen.push(`${name} ${one.greet()} ${ctx.services.all.size}`);
      return {};
    },
  });
  const kernel = await testKernel(t, { plugins: [named, rogue, other] });
  await kernel.swap('rogue', rogue);
  await kernel.swap('other', other);
  t.same(seen, ['one hello 1', 'one hello 1']);
  t.same(settings, [{ word: 'plain' }, { word: 'plain' }], 'nor its configuration for the instance after it');
});

t.test(
  'an instance that was replaced has nothing left, and cannot take anything from its successor',
  async (t) => {
    const kept: { ctx: Context; listener: Listener }[] = [];
    const web = plugin('web', {
      provides: [Greeter],
      grants: {
        objects: [{ resource: ConfigMaps, verbs: '*' }],
        publish: ['work.*'],
        subscribe: ['work.*'],
        host: ['net'],
      },
      async start(ctx) {
        const { revision } = ctx.plugin;
        const listener = await ctx.listen({ host: '127.0.0.1', port: 0 }, (socket) =>
          socket.end(`${revision}`),
        );
        kept.push({ ctx, listener });
        return {
          provides: [provide(Greeter, { greet: () => `${revision}` })],
          // As one would: but its successor has the address by now.
          stop: () => listener.close(),
        };
      },
    });
    const kernel = await testKernel(t, { plugins: [web] });
    const { port } = kept[0]!.listener;
    const ask = async (): Promise<string> => {
      const socket = connect(kept.at(-1)!.listener.port, '127.0.0.1');
      const [data] = (await once(socket, 'data')) as [Buffer];
      socket.end();
      return data.toString();
    };
    t.equal(await ask(), '1');
    await kernel.swap('web', web);
    t.equal(kept[1]!.listener.port, port);
    t.equal(await ask(), '2', 'the old one closed its listener, the new one serves');
    await kept[0]!.listener.close();
    t.equal(await ask(), '2');
    t.equal(kernel.service(Greeter).greet(), '2');
    const { ctx } = kept[0]!;
    const revoked = forbidden(/plugin "web" revision 1 was replaced by revision 2: its context is revoked/);
    const { get, list, watch, transact } = ctx.objects;
    await t.rejects(get(ConfigMaps, { namespace: 'default', name: 'a' }), revoked);
    await t.rejects(list(ConfigMaps), revoked);
    t.throws(() => watch(ConfigMaps, {}, { event() {}, closed() {} }), revoked);
    await t.rejects(transact([{ verb: 'create', resource: ConfigMaps, object: { ...config } }]), revoked);
    t.throws(() => ctx.bus.publish('work.a', null), revoked);
    t.throws(() => ctx.bus.subscribe('work.a', () => {}), revoked);
    await t.rejects(ctx.bus.request('work.a', null), revoked);
    await t.rejects(
      ctx.listen({ host: '127.0.0.1', port: 0 }, () => {}),
      revoked,
    );
    await kept[1]!.listener.close();
    await t.rejects(ask(), { code: 'ECONNREFUSED' }, 'its own it can give up');
  },
);
