/** What happens to Secrets that are stored already when their encoding or its key changes. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'nats';
import { Secrets, type WatchEvent } from 'orlop/plugin';
import t from 'tap';
import { eventually, type TestKernel, testKernel } from '../cluster.ts';

const COUNT = 30;
const module = (path: string): string => new URL(`../../plugins/${path}/index.js`, import.meta.url).href;
const AESGCM = module('secrets/aesgcm');
const IDENTITY = module('secrets/identity');
const migrator = (config: object) => ({
  module: module('controllers/storagemigrator'),
  config: { intervalSeconds: 0.1, perSecond: 1_000, ...config },
});

const secret = (n: number, round: number) => ({
  metadata: { name: `s-${n}`, namespace: 'default' },
  data: { password: Buffer.from(`hunter-${n}-${round}`).toString('base64') },
});

async function fill(kernel: TestKernel): Promise<void> {
  for (let n = 0; n < COUNT; n++) await kernel.objects.create(Secrets, secret(n, 0));
  for (let n = 0; n < COUNT; n++) await kernel.objects.update(Secrets, secret(n, 1));
  await kernel.objects.delete(Secrets, { namespace: 'default', name: `s-${COUNT - 1}` });
}

/** Everything the stream has of Secrets that are not deleted: how each is encoded, and whether it can be read as it is. */
async function stored(kernel: TestKernel): Promise<{ encoding: string; readable: boolean }[]> {
  const { servers, user, pass } = kernel.nats.connection;
  const connection = await connect({ servers, user: user!, pass: pass! });
  try {
    const manager = await connection.jetstreamManager();
    const { last_seq: last, first_seq: first } = (await manager.streams.info('orlop-objects')).state;
    const found = [];
    for (let seq = first; seq <= last; seq++) {
      const message = await manager.streams.getMessage('orlop-objects', { seq }).catch(() => undefined);
      if (!message?.subject.startsWith('obj.=.secrets.')) continue;
      if (message.header.get('Orlop-Operation') === 'delete') continue;
      const readable = Buffer.from(message.data).includes('password');
      found.push({ encoding: message.header.get('Orlop-Encoding'), readable });
    }
    return found;
  } finally {
    await connection.close();
  }
}

async function passwords(kernel: TestKernel): Promise<string[]> {
  const { items } = await kernel.objects.list(Secrets);
  return items.map(({ value }) => Buffer.from(value.data!['password']!, 'base64').toString()).sort();
}

async function allCurrent(kernel: TestKernel): Promise<void> {
  await eventually('every Secret is stored as new ones are', async () =>
    (await kernel.objects.list(Secrets)).items.every(({ stale }) => stale === false),
  );
}

t.test('a rotated key: every Secret is written anew, and the old key can go', async (t) => {
  const plugins = [{ module: AESGCM }, migrator({})];
  const kernel = await testKernel(t, { plugins });
  await fill(kernel);
  const before = await passwords(kernel);
  const [old] = new Set((await stored(kernel)).map(({ encoding }) => encoding));
  t.match(old, /^aesgcm\/[0-9a-f]{8}$/);
  const events: WatchEvent[] = [];
  const { revision: since } = await kernel.objects.list(Secrets);
  kernel.objects.watch(Secrets, { since }, { event: (event) => events.push(event), closed: () => undefined });

  await kernel.swap('secrets-aesgcm', { module: AESGCM, config: { rotation: '2026-11' } });
  await allCurrent(kernel);
  const after = await stored(kernel);
  t.equal(after.length, COUNT - 1, 'of each only what was written anew is left');
  t.notOk(
    after.some(({ encoding, readable }) => encoding === old || readable),
    'nothing under the old key, nothing readable',
  );
  t.strictSame(await passwords(kernel), before, 'as clients see it nothing changed');
  t.strictSame(new Set(events.map(({ type }) => type)), new Set(['MODIFIED']), 'but the resourceVersion');
  t.equal(events.length, COUNT - 1, 'once each');
  await eventually(
    'its health says so',
    () =>
      kernel
        .plugins()
        .find(({ name }) => name === 'storage-migrator')
        ?.message?.startsWith('all Secrets') ?? true,
  );

  const file = join(kernel.dataDir, 'plugins/secrets-aesgcm/keys');
  const [first] = readFileSync(file, 'utf8').split('\n');
  t.match(first, / 2026-11$/);
  writeFileSync(file, `${first}\n`);
  const next = await kernel.restart();
  t.strictSame(await passwords(next), before, 'without the old key');
  t.strictSame(await stored(next), after, 'and nothing more is written');
});

t.test('from identity to aesgcm, interrupted in between', async (t) => {
  const slow = [{ module: IDENTITY }, migrator({ perSecond: 1 })];
  const kernel = await testKernel(t, { plugins: slow });
  await fill(kernel);
  const before = await passwords(kernel);
  t.ok((await stored(kernel)).every(({ encoding, readable }) => encoding === 'identity' && readable));

  await kernel.swap('secrets-identity', { module: AESGCM });
  const current = async () => (await stored(kernel)).filter(({ readable }) => !readable).length;
  await eventually('some are written', async () => (await current()) > 0);
  await kernel.objects.update(Secrets, secret(0, 2));
  t.ok((await current()) < COUNT - 1, 'not all');
  const next = await kernel.restart({ plugins: [{ module: AESGCM }, migrator({})] });
  await allCurrent(next);
  t.ok((await stored(next)).every(({ encoding, readable }) => encoding.startsWith('aesgcm/') && !readable));
  t.strictSame(
    await passwords(next),
    before.map((each) => (each === 'hunter-0-1' ? 'hunter-0-2' : each)),
  );
});
