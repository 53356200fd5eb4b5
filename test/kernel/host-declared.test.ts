/** A plugin that tries to be more than it declared, or another than it is. */
import { ok } from 'node:assert';
import {
  ConfigMaps,
  type Context,
  definePlugin,
  type PluginDeclaration,
  Pods,
  provide,
  Secrets,
  StatusError,
  service,
} from 'orlop/plugin';
import t from 'tap';
import { Access } from '../../kernel/contract/grants.ts';
import { lineLogger } from '../../kernel/log.ts';
import { eventually, testKernel } from '../cluster.ts';

interface Greeter {
  greet(): string;
}
const Greeter = service<Greeter>('greeter.v1');
const Other = service<Greeter>('other.v1');

// biome-ignore lint/suspicious/noExplicitAny: a test's plugins differ in their requirements
function plugin(name: string, rest: Partial<PluginDeclaration<any, any>> = {}): PluginDeclaration {
  const about = { name, kind: 'test.v1', version: '1.0.0', description: 'A plugin of a test.' };
  return definePlugin({ ...about, start: () => ({}), ...rest }) as PluginDeclaration;
}

const forbidden = (message: RegExp) => ({ reason: 'Forbidden', message });
const invalid = (message: RegExp) => ({ reason: 'Invalid', message });

t.test('what it declared when it was loaded is what counts', async (t) => {
  let ctx!: Context;
  let starts = 0;
  const grants = { objects: [{ resource: ConfigMaps, verbs: ['get' as const] }], publish: ['work.*'] };
  const probe = plugin('probe', {
    grants,
    start(given) {
      ctx = given;
      starts += 1;
      Object.assign(probe, { name: 'victim', requires: { greeter: Greeter } });
      Object.assign(grants, { objects: [{ resource: '*', verbs: '*' }], publish: ['>'], impersonate: true });
      return starts === 1 ? { failed: Promise.resolve(new Error('once more')) } : {};
    },
  });
  await testKernel(t, { plugins: [plugin('victim'), probe], timing: { restart: 5 } });
  await eventually('it is started again', () => starts === 2);
  t.equal(ctx.plugin.name, 'probe');
  t.match(ctx.dataDir, /\/probe$/, 'not the folder of another');
  t.same(Object.keys(ctx.services), []);
  await t.rejects(ctx.objects.list(Secrets), forbidden(/may not list secrets/));
  t.throws(() => ctx.bus.publish('other', null), forbidden(/may not publish/));
  t.throws(() => ctx.objects.onBehalfOf('amy'), forbidden(/on behalf/));
});

t.test('what every object inherits is not granted', async (t) => {
  let ctx!: Context;
  const probe = plugin('probe', {
    grants: { objects: [{ resource: ConfigMaps, verbs: ['get'] }] },
    start: (given) => {
      ctx = given;
      return {};
    },
  });
  await testKernel(t, { plugins: [probe] });
  const pollution = { impersonate: true, publish: ['>'], blobs: ['read', 'write'], host: ['net'] };
  for (const [key, value] of Object.entries(pollution))
    Object.defineProperty(Object.prototype, key, { value, configurable: true });
  try {
    t.throws(() => ctx.objects.onBehalfOf('amy'), forbidden(/on behalf/));
    t.throws(() => ctx.bus.publish('a', null), forbidden(/may not publish/));
    await t.rejects(ctx.blobs.list(), forbidden(/may not read blobs/));
    await t.rejects(
      ctx.listen({ host: '127.0.0.1', port: 0 }, () => {}),
      forbidden(/may not listen/),
    );
  } finally {
    for (const key of Object.keys(pollution)) Reflect.deleteProperty(Object.prototype, key);
  }
});

t.test('a declaration is data, and a name is its own', async (t) => {
  const kernel = await testKernel(t, { plugins: [plugin('mine'), plugin('theirs')] });
  const swap = (next: PluginDeclaration) => kernel.swap('mine', next);
  await t.rejects(
    swap(plugin('theirs')),
    invalid(/module for plugin "mine" declares the name "theirs", which plugin "theirs" goes by/),
  );
  await kernel.swap('theirs', plugin('guest'));
  await t.rejects(swap(plugin('guest')), invalid(/declares the name "guest", which plugin "theirs" goes by/));
  await t.rejects(swap(plugin('theirs')), invalid(/which plugin "theirs" goes by/));
  await swap(plugin('other-mine'));
  await t.rejects(swap(plugin(['mine'] as unknown as string)), invalid(/must be a lower-case DNS label/));
  await t.rejects(swap(plugin('../theirs')), invalid(/must be a lower-case DNS label/));
  const shifty = { toString: () => 'mine' } as unknown as string;
  await t.rejects(swap(plugin(shifty)), invalid(/all but start must be data/));
});

t.test('what there is one of is not provided as one of many', async (t) => {
  // Else it would count as who admits writes, and its own would not be admitted.
  const honest = plugin('honest', {
    provides: [Greeter],
    start: () => ({ provides: [provide(Greeter, { greet: () => 'hello' })] }),
  });
  const kernel = await testKernel(t, { plugins: [plugin('rogue'), honest] });
  const rogue = plugin('rogue', { provides: [{ kind: Greeter.kind, many: true }] });
  const refused = /"honest" provides greeter.v1 as the only one, and plugin "rogue" as one of many/;
  await t.rejects(kernel.swap('rogue', rogue), invalid(refused));
  t.equal(kernel.service(Greeter).greet(), 'hello');
});

t.test('what it provides is read once', async (t) => {
  const greeting = (word: string) => ({ greet: () => word });
  let asked = 0;
  const rogue = plugin('rogue', {
    provides: [Other],
    start: () => ({
      get provides() {
        const harmless = provide(Other, greeting('harmless'));
        return asked++ === 0 ? [harmless] : [harmless, provide(Greeter, greeting('owned'))];
      },
    }),
  });
  let kinds = 0;
  const shifty = plugin('shifty', {
    start: () => ({
      provides: [
        {
          get token() {
            return kinds++ < 1 ? Greeter : Other;
          },
          name: '',
          service: greeting('owned'),
        },
      ],
    }),
  });
  const honest = plugin('honest', {
    provides: [Greeter],
    start: () => ({ provides: [provide(Greeter, greeting('hello'))] }),
  });
  const kernel = await testKernel(t, { plugins: [honest, rogue, shifty] });
  t.equal(asked, 1);
  t.equal(kernel.service(Greeter).greet(), 'hello');
  t.equal(kernel.service(Other).greet(), 'harmless');
  const failed = kernel.plugins().find(({ name }) => name === 'shifty');
  t.match(failed, { phase: 'Failed', message: /provides greeter.v1, which its declaration does not list/ });
});

t.test('nobody writes the lines of another into the log', async (t) => {
  const lines: string[] = [];
  const forged = '\n2026-01-01T00:00:00.000Z error apiserver: gone\u001b[2K';
  const rogue = plugin('rogue', {
    start({ log }) {
      log.warn(`a${forged}`, { [`b${forged}`]: 1, c: forged });
      return {};
    },
  });
  await testKernel(t, { plugins: [rogue], log: lineLogger((line) => lines.push(line)) });
  const line = lines.find((each) => each.includes('rogue: a'))!;
  t.match(line, /^\S+ warn {2}rogue: a\\n2026-.*gone\\u001b\[2K b\\n2026-.* revision=1$/);
  for (const each of lines) t.notMatch(each, /\p{Cc}/u);
});

t.test('the contract, and the check of grants, are the same for all', (t) => {
  const patch = { code: 200, toStatus: () => ({}), resource: (each: unknown) => each, check() {} };
  const shared = [StatusError.prototype, StatusError, Access.prototype, Pods, Greeter, provide];
  for (const [index, each] of shared.entries()) {
    for (const [key, value] of Object.entries(patch))
      t.throws(() => Object.defineProperty(each, key, { value }), TypeError, `${key} of ${index}`);
  }
  t.end();
});

t.test('nothing that a plugin is given leads to the kernel', async (t) => {
  let ctx!: Context;
  const probe = plugin('probe', {
    requires: { greeter: Greeter },
    grants: {
      objects: [{ resource: ConfigMaps, verbs: '*' }],
      blobs: ['read', 'write'],
      subscribe: ['a'],
      host: ['net'],
    },
    start: (given) => {
      ctx = given;
      return {};
    },
  });
  const greets = plugin('greets', {
    provides: [Greeter],
    start: () => ({ provides: [provide(Greeter, { greet: () => 'hello' })] }),
  });
  await testKernel(t, { plugins: [greets, probe] });
  const metadata = { name: 'a', namespace: 'default' };
  const given: unknown[] = [
    ctx,
    await ctx.objects.create(ConfigMaps, { metadata }),
    await ctx.objects.list(ConfigMaps),
    await ctx.objects.history(ConfigMaps, metadata),
    ctx.objects.watch(ConfigMaps, { initial: true }, { event: (event) => given.push(event), closed() {} }),
    ctx.objects.stats(),
    ctx.bus.subscribe('a', () => {}),
    await ctx.blobs.put(Buffer.from('a')),
    await ctx.objects.create(ConfigMaps, { metadata }).catch((error: unknown) => error),
    await ctx.objects.list(Secrets).catch((error: unknown) => error),
    await ctx.listen({ host: '127.0.0.1', port: 0 }, () => {}),
  ];
  const classes = new Set<string>();
  const seen = new Set<unknown>();
  for (const each of given) {
    if (typeof each !== 'object' || each === null || seen.has(each)) continue;
    seen.add(each);
    const made = Object.hasOwn(each, 'constructor') ? each.constructor : undefined;
    if (made) classes.add(made.name);
    given.push(Object.getPrototypeOf(each));
    for (const key of Reflect.ownKeys(each)) {
      try {
        given.push(Reflect.get(each, key));
      } catch (error) {
        // A getter of a prototype is for its instances.
        given.push(error);
      }
    }
  }
  ok(classes.size > 5);
  const kernels = ['Access', 'Client', 'Cache', 'Entry', 'Host', 'Run', 'Services', 'Shard', 'Slot', 'Table'];
  t.same(
    [...classes].filter((name) => [...kernels, 'ContentStore', 'Writer', 'Bus'].includes(name)),
    [],
  );
});
