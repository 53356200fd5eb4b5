/** Several encodings of Secrets in a row, each before what the last one stored is written anew. */
import { join } from 'node:path';
import { Plugins, Secrets } from 'orlop/plugin';
import t from 'tap';
import { eventually, type TestKernel, testKernel } from '../cluster.ts';
import { testdir } from '../testdir.ts';

const COUNT = 15;
const NAME = 'secrets-aesgcm';
const module = (path: string): string => new URL(`../../plugins/${path}/index.js`, import.meta.url).href;
const AESGCM = { module: module('secrets/aesgcm') };
const migrator = (perSecond: number) => ({
  module: module('controllers/storagemigrator'),
  config: { perSecond },
});

const FLIPPING = new URL('./flipping.js', import.meta.url).href;
const READER = { module: new URL('./secretreader.js', import.meta.url).href };

/** `keyFile`: which all have. */
const here = (keyFile: string, perSecond: number) => [
  { ...AESGCM, config: { keyFile } },
  migrator(perSecond),
  READER,
];

async function ask(kernel: TestKernel, mask: number): Promise<void> {
  const spec = { module: FLIPPING, config: { mask } };
  const { value } = await kernel.objects.modify(Plugins, { name: NAME }, (draft) => {
    draft.spec = spec;
  });
  await runs(kernel, value.metadata!.generation!);
}

/** The kernel does what this generation of the object asks for. */
async function runs(kernel: TestKernel, generation: number): Promise<void> {
  await eventually(`generation ${generation} is followed`, async () => {
    const { status } = (await kernel.objects.get(Plugins, { name: NAME }))!.value;
    const own = status?.instances?.find((each) => each.kernel === kernel.id);
    return own?.observedGeneration === generation && own.refused === undefined;
  });
}

async function fill(kernel: TestKernel, letter: string): Promise<void> {
  for (let n = 0; n < COUNT; n++) {
    const metadata = { name: `${letter}-${n}`, namespace: 'default' };
    await kernel.objects.create(Secrets, { metadata, data: { n: letter } });
  }
}

/** What it reads, and what its worker does: a letter of each round. */
async function read(kernel: TestKernel, node: string): Promise<string> {
  const { items } = await kernel.objects.list(Secrets);
  const own = items.map(({ value }) => value.data!['n']).sort();
  const others = await eventually('the worker answers', () =>
    kernel.bus.request(`reader.${node}`, null).catch(() => undefined),
  );
  return own.join('') === (others as string[]).join('') ? [...new Set(own)].join('') : `${own} ${others}`;
}

const migration = async (kernel: TestKernel) =>
  (await kernel.objects.get(Plugins, { name: NAME }))?.value.status?.migration;

t.test('each is kept, in every thread and kernel, until nothing is stored by it', async (t) => {
  const keys = join(testdir(t), 'keys');
  const a = await testKernel(t, { plugins: here(keys, 1), node: 'a' });
  await eventually('it is followed', async () =>
    (await a.objects.get(Plugins, { name: NAME }))?.value.metadata?.finalizers?.includes(
      'orlop.dev/secrets-migration',
    ),
  );
  await fill(a, 'p');
  await ask(a, 1);
  await fill(a, 'q');
  await ask(a, 2);
  await fill(a, 'r');
  t.equal(await read(a, 'a'), 'pqr');
  const b = await testKernel(t, { plugins: here(keys, 1), node: 'b', join: a });
  await runs(b, 3);

  t.equal(await read(b, 'b'), 'pqr', 'one that comes later');
  const again = await b.restart();
  t.equal(await read(again, 'b'), 'pqr', 'and one that comes back');
  t.equal((await migration(a))?.encodings.length, 2);
  t.equal((await migration(a))?.done, undefined, 'all that while some are stored as at first');

  await a.objects.delete(Plugins, { name: NAME });
  for (const kernel of [a, again]) await runs(kernel, 4);
  await fill(a, 's');
  t.equal(await read(a, 'a'), 'pqrs', 'now that both are deleted');
  t.equal(await read(again, 'b'), 'pqrs');
  await again.stop();
  const last = await a.restart({ plugins: here(keys, 40) });
  const stopped = new Set<string>();
  last.bus.subscribe('flipping.stopped', (encoding) => void stopped.add(String(encoding)));
  t.equal(await read(last, 'a'), 'pqrs', 'and the kernel that is alone now');
  await eventually('the object goes', async () => {
    t.equal(await read(last, 'a'), 'pqrs');
    const now = await migration(last);
    return now?.encodings.length === 0 && now.done !== undefined;
  });
  await eventually('what decoded is let go', () => stopped.size === 2);
});
