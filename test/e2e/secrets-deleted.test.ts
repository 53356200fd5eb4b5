/** `kubectl delete` of the plugin that has encoded Secrets, before they are written anew: at no moment is one unreadable. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Secret } from 'orlop/plugin';
import t from 'tap';
import { skeletonFiles } from '../../plugins/cli/plugin/skeleton.ts';
import { testdir } from '../testdir.ts';
import { place, type Running, until, up } from './orlop.ts';

const COUNT = 200;
const PLUGIN = 'get plugin secrets-aesgcm';

const secret = (n: number): object => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: `s-${n}`, labels: { test: 'deleted' } },
  stringData: { n: String(n) },
});

/** One that does not decode after its stop: it must still run. */
function another(folder: string): string {
  const module = join(folder, 'another.mjs');
  const text = skeletonFiles('secrets.v1', 'another')['index.mjs']!;
  writeFileSync(
    module,
    text
      .replace(
        'return { provides: [provide(SecretsEncoding, encoding(readFileSync(file)))] };',
        `const own = encoding(readFileSync(file));
    let stopped = false;
    const decode = (value, key) => {
      if (stopped) throw new Error('it was stopped');
      return own.decode(value, key);
    };
    return { provides: [provide(SecretsEncoding, { ...own, decode })], stop: () => void (stopped = true) };`,
      )
      .replace("version: '0.1.0'", "version: '9.0.0'"),
  );
  return module;
}

t.test('the Secrets of a deleted encoding stay readable, also over a kill -9', async (t) => {
  const at = await place(t);
  // Slowly, so that what comes next finds it under way.
  const first = await up(t, at, '--no-hello', '--set', 'storage-migrator.perSecond=5');
  const readable = async ({ kubectl }: Running): Promise<void> => {
    const { items } = JSON.parse(await kubectl.ok('get secrets -l test=deleted -o json')) as {
      items: Secret[];
    };
    const values = items.map(({ data }) => Number(Buffer.from(data!['n']!, 'base64').toString()));
    const all = Array.from({ length: COUNT }, (_, n) => n);
    if (JSON.stringify(values.sort((a, b) => a - b)) !== JSON.stringify(all))
      throw new Error(`read ${values}`);
  };
  const left = async ({ kubectl }: Running): Promise<number> =>
    Number((await kubectl(`${PLUGIN} -o jsonpath={.status.migration.left}`)).stdout);

  const spec = { module: another(testdir(t)) };
  await first.kubectl.ok([
    'patch',
    'plugin',
    'secrets-aesgcm',
    '--type=merge',
    '-p',
    JSON.stringify({ spec }),
  ]);
  await first.kubectl.ok('wait plugin/secrets-aesgcm --for=jsonpath={.status.version}=9.0.0 --timeout=60s');
  const items = Array.from({ length: COUNT }, (_, n) => secret(n));
  await first.kubectl.ok('create -f -', JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  await first.kubectl.ok('delete plugin secrets-aesgcm --wait=false');
  await until('some are written anew', 60_000, async () => {
    await readable(first);
    const now = await left(first);
    return now > 0 && now < COUNT;
  });
  t.match(
    await first.kubectl.ok(`${PLUGIN} -o wide`),
    /Terminating .* \d+ Secrets are still encoded as before/,
  );
  await first.kill9();

  const again = await up(t, at, '--no-hello');
  t.ok((await left(again)) > 0, 'not all are written anew');
  await until('its object has gone', 60_000, async () => {
    await readable(again);
    return (await again.kubectl(`${PLUGIN} -o jsonpath={.spec.module}`)).stdout === '';
  });
  await readable(again);
  const now = await again.kubectl.ok(`${PLUGIN} -o jsonpath={.status.version},{.metadata.deletionTimestamp}`);
  t.equal(now, '1.0.0,', 'the standard one is back, as if there had been no other');
});
