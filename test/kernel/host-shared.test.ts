/** What plugins have in common, which one of them tries to change for the others. */
import { type Context, definePlugin, type PluginDeclaration, provide, service } from 'orlop/plugin';
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
