/** The whole cluster in one process, under a steady load, while its plugins are replaced again and again. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { skeletonFiles } from '../../plugins/cli/plugin/skeleton.ts';
import { eventually } from '../cluster.ts';
import { testdir } from '../testdir.ts';
import type { Broken, How } from './brokenplugins.ts';
import { type Entry, loadedCluster } from './swapcluster.ts';

/** Of these; all others take turns, `EACH` in a round. */
const ROUNDS = 50;
const OFTEN = [
  'scheduler',
  'loadbalancer',
  'ingress',
  'secrets-aesgcm',
  'runtime-wasm',
  'volume-emptydir',
  'volume-hostpath',
  'volume-projected',
];
const EACH = 3;
/** Of the API server, which gives its idle clients a second each time. */
const API_ROUNDS = 3;
const VERSION = '9.0.0';

t.test('nothing fails while plugins are replaced under load', async (t) => {
  const folder = testdir(t);
  const write = (file: string, text: string): string => {
    writeFileSync(join(folder, file), text);
    return join(folder, file);
  };
  const { kernel, entries, kubectl, goesOn, verdict } = await loadedCluster(t);
  const all = kernel.plugins().map(({ name }) => name);

  /** Of another make: what `orlop plugin new` writes. */
  const skeleton = (kind: string): Entry => {
    const text = skeletonFiles(kind, `another-${kind.split('.')[0]}`)
      ['index.mjs']!.replace("version: '0.1.0'", `version: '${VERSION}'`)
      .replace("SOURCE = 'ephemeral'", "SOURCE = 'emptyDir'");
    return { module: write(`${kind}.mjs`, text), config: {} };
  };
  const others = new Map([
    ['scheduler', skeleton('scheduler.v1')],
    ['loadbalancer', skeleton('loadbalancer.v1')],
    ['volume-emptydir', skeleton('volume.v1')],
    [
      'secrets-aesgcm',
      { module: new URL('../../plugins/secrets/identity/index.js', import.meta.url).href, config: {} },
    ],
  ]);
  const broken = (name: string, how: How): Entry => {
    const { module, config } = entries.get(name)!;
    return {
      module: write(`${name}-${how}.broken`, JSON.stringify({ module, how } satisfies Broken)),
      config,
    };
  };

  await t.test(`${ROUNDS} times`, async (t) => {
    const rest = all.filter((name) => !OFTEN.includes(name) && name !== 'apiserver');
    let turn = 0;
    for (let round = 1; round <= ROUNDS; round += 1) {
      const some = Array.from({ length: EACH }, () => rest[turn++ % rest.length]!);
      for (const name of [...OFTEN, ...some]) {
        const other = round % 2 === 1 ? others.get(name) : undefined;
        await kernel.swap(name, other ?? entries.get(name)!);
      }
      await goesOn();
    }
    for (let round = 1; round <= API_ROUNDS; round += 1) {
      await kernel.swap('apiserver', entries.get('apiserver')!);
    }
    for (const { name, revision } of kernel.plugins()) {
      t.ok(revision > (OFTEN.includes(name) ? ROUNDS : API_ROUNDS), `${name}: ${revision - 1} times`);
    }
  });

  await t.test('by one that throws, is unwell or hangs: the one before goes on', async (t) => {
    const refused = async (name: string, how: How, why: string): Promise<void> => {
      const { revision } = kernel.plugins().find((each) => each.name === name)!;
      const message = new RegExp(`"${name}" was not swapped, revision ${revision} goes on: .*${why}`);
      await t.rejects(kernel.swap(name, broken(name, how)), { message }, `${name} ${how}`);
    };
    for (const name of all) await refused(name, 'throws', 'no luck');
    await goesOn();
    for (const name of all) await refused(name, 'ails', 'is unhealthy: fever');
    await goesOn();
    await Promise.all(all.map((name) => refused(name, 'hangs', 'start took longer')));
    await goesOn();
  });

  await t.test('by Plugin objects', async (t) => {
    const names = ['scheduler', 'volume-emptydir', 'loadbalancer'];
    const apply = (specs: Map<string, Entry>): Promise<string> => {
      const items = names.map((name) => {
        const spec = { module: specs.get(name)!.module };
        return { apiVersion: 'orlop.dev/v1', kind: 'Plugin', metadata: { name }, spec };
      });
      return kubectl.ok('apply -f -', JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
    };
    const are = async (version: (name: string) => string): Promise<void> => {
      for (const name of names) {
        const condition = `--for=jsonpath={.status.version}=${version(name)}`;
        await kubectl.ok(`wait plugin/${name} ${condition} --timeout=60s`);
      }
    };
    const before = new Map(kernel.plugins().map(({ name, version }) => [name, version]));
    await apply(others);
    await are(() => VERSION);
    await goesOn();
    await apply(new Map(names.map((name) => [name, broken(name, 'ails')])));
    for (const name of names) {
      await kubectl.ok(`wait plugin/${name} --for=jsonpath={.status.instances[0].refused} --timeout=60s`);
      const status = await kubectl.ok(`get plugin ${name} -o jsonpath={.status}`);
      t.match(status, /goes on: .*is unhealthy: fever/, `${name}: ${status}`);
    }
    await are(() => VERSION);
    await kubectl.ok(['delete', 'plugin', ...names]);
    await eventually(
      'they are objects again',
      async () => (await kubectl(['get', 'plugin', ...names])).code === 0,
    );
    await are((name) => before.get(name)!);
    await goesOn();
  });

  await verdict();
});
