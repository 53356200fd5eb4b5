import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type PluginObject, Plugins, service } from 'orlop/plugin';
import t from 'tap';
import { eventually, type TestKernel, testKernel } from '../cluster.ts';
import { testdir } from '../testdir.ts';

interface Greeter {
  greet(): string;
}
const Greeter = service<Greeter>('greeter.v1');

/** A module that declares plugin `greeter` (or `name`), as a data: URL. */
function module(word: string, name = 'greeter', body = ''): string {
  const text = `export default {
    name: '${name}', kind: 'greeter.v1', version: '${word}', description: 'Greets.',
    config: { type: 'object', properties: { mark: { type: 'string', default: '.' } } },
    provides: [{ kind: 'greeter.v1', many: false }],
    start(ctx) {
      ${body}
      return { provides: [{ token: { kind: 'greeter.v1', many: false }, name: '', service: { greet: () => '${word}' + ctx.config.mark } }] };
    },
  };`;
  return `data:text/javascript,${encodeURIComponent(text)}`;
}

async function status(kernel: TestKernel, name = 'greeter'): Promise<PluginObject['status']> {
  return (await kernel.objects.get(Plugins, { name }))?.value.status;
}

function applied(object: PluginObject['status']): string | undefined {
  return object?.conditions?.find(({ type }) => type === 'Applied')?.status;
}

t.test('applying a Plugin loads or swaps it, deleting it brings back what was', async (t) => {
  const kernel = await testKernel(t, { plugins: [{ module: module('first') }] });
  const greeter = kernel.service(Greeter);
  t.equal(greeter.greet(), 'first.');
  await eventually('it is reported', async () => (await status(kernel))?.phase === 'Running');
  const ask = (spec: PluginObject['spec']) =>
    kernel.objects.modify(Plugins, { name: 'greeter' }, (draft) => {
      draft.spec = spec;
    });

  await ask({ module: module('second') });
  await eventually('it is swapped', () => greeter.greet() === 'second.');
  await eventually('its object says so', async () => (await status(kernel))?.version === 'second');
  await ask({ config: { mark: '!' } });
  await eventually('the standard one is configured anew', () => greeter.greet() === 'first!');

  await ask({ module: module('third', 'greeter', "throw new Error('no luck')") });
  const refused = await eventually('the refusal is shown', async () => {
    const found = await status(kernel);
    return applied(found) === 'False' ? found : undefined;
  });
  t.match(refused, { phase: 'Running', healthy: true });
  await eventually('and which spec it is about', async () => {
    const found = (await kernel.objects.get(Plugins, { name: 'greeter' }))?.value;
    return found?.status?.observedGeneration === found?.metadata?.generation;
  });
  t.match(refused.conditions?.[0]?.message, /was not swapped, revision 3 goes on: .*no luck/);
  t.equal(greeter.greet(), 'first!');

  await ask({ module: module('fourth') });
  await eventually('the next one is taken', () => greeter.greet() === 'fourth.');
  await eventually('and the condition with it', async () => applied(await status(kernel)) === 'True');
  const again = await kernel.restart();
  await eventually('a restart keeps it', () => again.service(Greeter).greet() === 'fourth.');
  await again.objects.delete(Plugins, { name: 'greeter' });
  await eventually(
    'without the object the first one is back',
    () => again.service(Greeter).greet() === 'first.',
  );
  await eventually('and its object', async () => (await status(again))?.version === 'first');
});

t.test('a new plugin is loaded by its object and unloaded with it', async (t) => {
  const kernel = await testKernel(t);
  const create = (name: string, spec: PluginObject['spec']) =>
    kernel.objects.create(Plugins, { metadata: { name }, spec });
  await create('greeter', { module: module('hello'), config: { mark: '?' } });
  await eventually('it runs', () => kernel.plugins().some(({ phase }) => phase === 'Running'));
  t.equal(kernel.service(Greeter).greet(), 'hello?');

  await create('second', { module: module('bye', 'second') });
  const refused = await eventually('a second provider is refused', async () => {
    const found = await status(kernel, 'second');
    return found?.phase === 'Failed' ? found : undefined;
  });
  t.match(refused.message, /plugins "greeter" and "second" both provide greeter\.v1: keep one/);
  await create('third', { module: module('bye', 'fourth') });
  await eventually('so is one of another name', async () =>
    /declares plugin "fourth"/.test((await status(kernel, 'third'))?.message ?? ''),
  );

  await kernel.objects.delete(Plugins, { name: 'greeter' });
  await eventually('the second takes its place', () =>
    kernel.plugins().some(({ name, phase }) => name === 'second' && phase === 'Running'),
  );
  t.equal(kernel.service(Greeter).greet(), 'bye.');
  await kernel.objects.delete(Plugins, { name: 'second' });
  await eventually('it is unloaded', () => kernel.plugins().length === 0);
  t.throws(() => kernel.service(Greeter), { message: /no running plugin provides greeter\.v1/ });
  await kernel.objects.modify(Plugins, { name: 'third' }, (draft) => {
    draft.spec = { module: module('now', 'third') };
  });
  await eventually('what was refused is tried again when its object changes', () =>
    kernel.plugins().some(({ name, phase }) => name === 'third' && phase === 'Running'),
  );
});

/** A module that declares plugin `asker`, which requires the greeter. */
const asker = `data:text/javascript,${encodeURIComponent(`export default {
  name: 'asker', kind: 'asker.v1', version: '1', description: 'Asks.',
  requires: { greeter: { kind: 'greeter.v1', many: false } },
  start: () => ({}),
};`)}`;

t.test('objects may come and go in any order', async (t) => {
  const kernel = await testKernel(t);
  const phase = (name: string) => kernel.plugins().find((each) => each.name === name)?.phase;
  await kernel.objects.create(Plugins, { metadata: { name: 'asker' }, spec: { module: asker } });
  const refused = await eventually('it lacks what it requires', async () => {
    const found = await status(kernel, 'asker');
    return applied(found) === 'False' ? found : undefined;
  });
  t.match(refused.conditions?.[0]?.message, /"asker" requires greeter.v1 .* which no plugin provides/);
  await kernel.objects.create(Plugins, { metadata: { name: 'greeter' }, spec: { module: module('a') } });
  await eventually('it runs when that is there', () => phase('asker') === 'Running', 5_000);
  await eventually('and its object says so', async () => applied(await status(kernel, 'asker')) === 'True');

  const again = await kernel.restart();
  const phaseNow = (name: string) => again.plugins().find((each) => each.name === name)?.phase;
  await eventually('after a restart too', () => phaseNow('asker') === 'Running', 5_000);
  await again.objects.delete(Plugins, { name: 'greeter' });
  await new Promise((resolve) => setTimeout(resolve, 200));
  t.equal(phaseNow('greeter'), 'Running', 'what another requires stays');
  await again.objects.delete(Plugins, { name: 'asker' });
  await eventually('until that is gone', () => !phaseNow('asker') && !phaseNow('greeter'), 5_000);
});

t.test('a module may come after its object', async (t) => {
  const kernel = await testKernel(t, { timing: { lease: 300 } });
  const file = join(testdir(t), 'late.mjs');
  await kernel.objects.create(Plugins, { metadata: { name: 'greeter' }, spec: { module: file } });
  await eventually('it is not there', async () => applied(await status(kernel)) === 'False');
  writeFileSync(file, decodeURIComponent(module('late').slice('data:text/javascript,'.length)));
  await eventually('it is loaded', () => kernel.plugins().some(({ phase }) => phase === 'Running'), 5_000);
});

t.test('one that never ends its start holds up no other, and is replaced or unloaded as any', async (t) => {
  const kernel = await testKernel(t);
  const create = (name: string, spec: PluginObject['spec']) =>
    kernel.objects.create(Plugins, { metadata: { name }, spec });
  const phase = (name: string) => kernel.plugins().find((each) => each.name === name)?.phase;
  const hangs = (name: string): string =>
    `data:text/javascript,${encodeURIComponent(`export default {
      name: '${name}', kind: 'hanger.v1', version: '1', description: 'Hangs.', start: () => new Promise(() => {}),
    };`)}`;
  await create('inline', { module: hangs('inline') });
  await create('inside', { module: hangs('inside'), isolation: 'worker/hanging' });
  for (const name of ['inline', 'inside'])
    await eventually(`${name} starts`, () => phase(name) === 'Starting');
  await create('greeter', { module: module('hello') });
  await eventually('another runs', () => phase('greeter') === 'Running');
  await eventually('and its object says so', async () => (await status(kernel))?.observedGeneration === 1);

  const good = module('better', 'inline').replaceAll('greeter.v1', 'hanger.v1');
  await kernel.objects.modify(Plugins, { name: 'inline' }, (draft) => {
    draft.spec = { module: good };
  });
  await eventually('it is replaced', () => phase('inline') === 'Running');
  await kernel.objects.delete(Plugins, { name: 'inside' });
  await eventually('it is unloaded', () => phase('inside') === undefined);
});

t.test('a module may be the folder of a package', async (t) => {
  const kernel = await testKernel(t);
  const folder = testdir(t);
  const declares = (word: string): string =>
    decodeURIComponent(module(word).slice('data:text/javascript,'.length));
  const ask = async (spec: PluginObject['spec']): Promise<unknown> =>
    (await kernel.objects.get(Plugins, { name: 'greeter' }))
      ? await kernel.objects.modify(
          Plugins,
          { name: 'greeter' },
          (draft) => void Object.assign(draft, { spec }),
        )
      : await kernel.objects.create(Plugins, { metadata: { name: 'greeter' }, spec });
  const refusal = async (text: RegExp): Promise<unknown> =>
    await eventually(`refused: ${text}`, async () =>
      text.test((await status(kernel))?.conditions?.[0]?.message ?? ''),
    );
  await ask({ module: folder });
  await refusal(/has neither package\.json nor plugin\.json: name the module's file, or a package's folder/);
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module', exports: './it/index.js' }));
  mkdirSync(join(folder, 'it'));
  writeFileSync(join(folder, 'it/index.js'), declares('packed'));
  await ask({ module: `file://${folder}` });
  await eventually('it runs', async () => (await status(kernel))?.version === 'packed');
  writeFileSync(join(folder, 'package.json'), '{');
  await ask({ module: `${folder}/` });
  await refusal(/package\.json cannot be read: .*JSON/);
  writeFileSync(join(folder, 'package.json'), '{ "main": "it/index.js" }');
  await ask({ module: `file://${folder}/` });
  await refusal(/package\.json must name the module: "exports": /);
  t.match(await status(kernel), { phase: 'Running', version: 'packed' }, 'the one before goes on');
});
