/** What plugins have in common, which one of them tries to change for the others. */
import {
  type ConfigMap,
  ConfigMaps,
  type Context,
  definePlugin,
  Namespaces,
  type PluginDeclaration,
  provide,
  type StoredObject,
  service,
} from 'orlop/plugin';
import t from 'tap';
import { testKernel } from '../cluster.ts';

interface Greeter {
  greet: () => string;
  wave?: () => string;
  word?: string;
}
const Greeter = service<Greeter>('greeter.v1');
const needs = { requires: { greeter: Greeter } };

// biome-ignore lint/suspicious/noExplicitAny: a test's plugins differ in their requirements
function plugin(name: string, rest: Partial<PluginDeclaration<any, any>>): PluginDeclaration {
  const about = { name, kind: 'test.v1', version: '1.0.0', description: 'A plugin of a test.' };
  return definePlugin({ ...about, start: () => ({}), ...rest }) as PluginDeclaration;
}

/** A plugin that provides `greeter`. */
const greets = (greeter: Greeter): PluginDeclaration =>
  plugin('greets', { provides: [Greeter], start: () => ({ provides: [provide(Greeter, greeter)] }) });

t.test('a service is its provider’s: no consumer changes what the others call', async (t) => {
  const held: Greeter[] = [];
  const start = (ctx: Context<unknown, typeof needs.requires>) => {
    held.push(ctx.services.greeter);
    return {};
  };
  const kernel = await testKernel(t, {
    plugins: [
      greets({ greet: () => 'hello', word: 'one' }),
      plugin('rogue', { ...needs, start }),
      plugin('other', { ...needs, start }),
    ],
  });
  const [rogue, other] = held as [Greeter, Greeter];
  const owned = () => 'owned';
  const intact = (): void => {
    t.equal(other.greet(), 'hello');
    t.equal(kernel.service(Greeter).greet(), 'hello');
    t.equal(other.wave, undefined, 'nor what an optional method is, that its provider lacks');
    t.notOk('wave' in other);
    t.equal(other.word, 'one');
  };
  for (const layer of [rogue, Object.getPrototypeOf(rogue) as Greeter]) {
    t.throws(() => (layer.greet = owned), TypeError);
    t.throws(() => (layer.wave = owned), TypeError);
    t.throws(() => (layer.word = 'owned'), TypeError);
    t.throws(() => Object.defineProperty(layer, 'greet', { value: owned }), TypeError);
    t.throws(() => Object.defineProperty(layer, 'wave', { get: () => owned }), TypeError);
    t.throws(() => Object.setPrototypeOf(layer, { wave: owned }), TypeError);
    Reflect.deleteProperty(layer, 'greet');
    intact();
  }
  await kernel.swap('greets', greets({ greet: () => 'hello', wave: () => 'bye' }));
  t.equal(other.wave?.(), 'bye', 'who held it before has what a successor has more');
  t.ok('wave' in other);
  t.equal(other.word, undefined, 'and not what it has less');
  await kernel.swap('greets', greets({ greet: () => 'hello', word: 'one' }));
  t.equal(other.wave, undefined);
  t.equal(other.word, 'one');
});

t.test('an object is its writer’s: no reader changes what the others read', async (t) => {
  let ctx!: Context;
  const reader = plugin('reader', {
    grants: { objects: [{ resource: ConfigMaps, verbs: ['get', 'list', 'watch'] }] },
    start: (given) => {
      ctx = given;
      return {};
    },
  });
  const kernel = await testKernel(t, { plugins: [reader] });
  const metadata = { name: 'a', namespace: 'default', labels: { app: 'a' } };
  await kernel.objects.create(ConfigMaps, { metadata, data: { word: 'plain' } });
  await kernel.objects.create(Namespaces, { metadata: { name: 'not-yours' } });
  const first = await kernel.objects.get(ConfigMaps, metadata);
  const text = Buffer.from(first!.bytes).toString();
  const watched = await new Promise<StoredObject<ConfigMap>>((resolve) => {
    const event = ({ object }: { object?: StoredObject<ConfigMap> }) => object && resolve(object);
    ctx.objects.watch(ConfigMaps, { initial: true }, { event, closed() {} });
  });
  const got = (await ctx.objects.get(ConfigMaps, metadata))!;
  const [listed] = (await ctx.objects.list(ConfigMaps)).items;
  const [past] = await ctx.objects.history(ConfigMaps, metadata);
  for (const stored of [got, listed!, watched, past!.object]) {
    const { value } = stored;
    t.throws(() => (value.data!['word'] = 'owned'), TypeError);
    t.throws(() => (value.data = {}), TypeError);
    t.throws(() => delete value.metadata!.labels, TypeError);
    t.throws(() => Object.assign(value.metadata!.labels!, { more: 'owned' }), TypeError);
    t.throws(() => Object.setPrototypeOf(value.metadata!, { uid: 'owned' }), TypeError);
    for (const [key, owned] of Object.entries({ key: metadata, revision: 1, deleted: true, value: {} }))
      t.throws(() => Object.defineProperty(stored, key, { value: owned }), TypeError, key);
    t.throws(() => Object.assign(stored.key, { name: 'b' }), TypeError);
    t.throws(() => Object.setPrototypeOf(stored, {}), TypeError);
    const shared = Object.getPrototypeOf(stored) as StoredObject;
    t.throws(() => Object.defineProperty(shared, 'value', { get: () => ({}) }), TypeError);
    t.throws(() => Object.defineProperty(shared, 'more', { value: 1 }), TypeError);
    stored.bytes.fill(0);
    new Uint8Array(stored.bytes.buffer).fill(0);
    t.equal(stored.bytes.buffer.byteLength, stored.byteLength, 'beside its bytes is nobody else’s');
    const trap = Object.assign(Buffer.alloc(1_000), { set: (raw: Uint8Array) => raw.fill(0) });
    t.equal(stored.copy(trap, 1), stored.byteLength + 1);
    t.equal(trap.toString('utf8', 1, stored.byteLength + 1), text);
    t.throws(() => stored.copy(Buffer.alloc(10), 0), RangeError);
  }
  const again = (await kernel.objects.get(ConfigMaps, metadata))!;
  t.equal(Buffer.from(again.bytes).toString(), text);
  t.same(again.value.data, { word: 'plain' });
  const draft = structuredClone(got.value);
  draft.data!['word'] = 'mine';
  t.equal(got.value.data!['word'], 'plain', 'a clone is one’s own');
});
