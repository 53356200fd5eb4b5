import { createHash } from 'node:crypto';
import {
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { createGzip } from 'node:zlib';
import { blobReference, type PluginDeclaration, Plugins, StatusError } from 'orlop/plugin';
import t, { type Test } from 'tap';
import { type Header, pack } from 'tar-stream';
import { BundleCache } from '../../plugins/bundles/cache.ts';
import { writeBundle } from '../../plugins/cli/plugin/bundle.ts';
import { dependencies } from '../../plugins/cli/plugin/dependencies.ts';
import { findModule } from '../../plugins/cli/plugin/module.ts';
import { eventually, testKernel } from '../cluster.ts';
import { testdir } from '../testdir.ts';

const DIGEST = `sha256-${'0'.repeat(64)}`;
const REFERENCE = blobReference(DIGEST);

function temporary(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'orlop-bundles-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function cacheOf(t: Test, get: () => Readable): { cache: BundleCache; folder: string } {
  const folder = temporary(t);
  return { cache: new BundleCache({ get: () => Promise.resolve(get()) }, folder), folder };
}

/** Names of what is below a bundle cache's home. */
function inside(folder: string): string[] {
  const [home = ''] = readdirSync(folder);
  return readdirSync(join(folder, home));
}

function tar(...entries: (Partial<Header> & { name: string; text?: string })[]): Readable {
  const archive = pack();
  for (const { text = '', ...header } of entries) archive.entry(header, text);
  archive.finalize();
  return archive.pipe(createGzip());
}

/** A package `name` with its dependencies below, as npm would install them. */
function install(at: string, name: string, needs: string[] = [], more: object = {}): string {
  const folder = join(at, 'node_modules', name);
  mkdirSync(folder, { recursive: true });
  const text = needs.map((need, i) => `import v${i} from '${need}';`).join('\n');
  const sum = [`'${name}'`, ...needs.map((_, i) => `v${i}`)].join(" + '+' + ");
  writeFileSync(join(folder, 'index.js'), `${text}\nexport default ${sum};\n`);
  const wants = Object.fromEntries(needs.map((need) => [need, '*']));
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ name, type: 'module', exports: './index.js', dependencies: wants, ...more }),
  );
  return folder;
}

function plugin(at: string, imports: string[], manifest: object): string {
  writeFileSync(
    join(at, 'package.json'),
    JSON.stringify({ type: 'module', exports: './index.mjs', ...manifest }),
  );
  const text = imports.map((name, i) => `import v${i} from '${name}';`).join('\n');
  const sum = imports.map((_, i) => `v${i}`).join(" + ' ' + ") || "'none'";
  writeFileSync(
    join(at, 'index.mjs'),
    `import { definePlugin } from 'orlop/plugin';\n${text}\nexport default definePlugin({
      name: 'bundled', kind: 'bundled.v1', version: '1', description: ${sum}, start: () => ({}) });\n`,
  );
  return at;
}

async function throughBundle(t: Test, folder: string): Promise<PluginDeclaration & { url: string }> {
  const target = join(temporary(t), 'bundle.tgz');
  await writeBundle(findModule(folder)!, target);
  const { cache } = cacheOf(t, () => createReadStream(target));
  const url = await cache.locate(REFERENCE);
  return { ...((await import(url)) as { default: PluginDeclaration }).default, url };
}

t.test('a package comes with what it depends on, and nothing else', async (t) => {
  const at = testdir(t, { pkg: {}, sub: {} });
  const folder = plugin(join(at, 'pkg'), ['a', '@s/b', 'up'], {
    dependencies: { a: '1', '@s/b': '1', up: '1' },
    devDependencies: { dev: '1' },
    peerDependencies: { orlop: '*' },
    optionalDependencies: { absent: '1' },
  });
  const a = install(folder, 'a', ['c']);
  install(a, 'c');
  install(folder, '@s/b', ['c', 'a']);
  install(folder, 'c');
  install(folder, 'dev');
  // Hoisted above the package, as in a workspace.
  install(at, 'up', ['further']);
  install(at, 'further');
  await t.test('as npm installs', async (t) => {
    const made = await throughBundle(t, folder);
    t.equal(made.description, 'a+c @s/b+c+a+c up+further');
    const root = dirname(fileURLToPath(made.url));
    t.same(readdirSync(join(root, 'node_modules')).sort(), ['@s', 'a', 'c', 'further', 'up']);
    t.ok(existsSync(join(root, 'node_modules/a/node_modules/c')));
  });
});

t.test('links, cycles and what is not installed', async (t) => {
  const at = testdir(t, { pkg: { node_modules: {} } });
  const folder = plugin(join(at, 'pkg'), ['x'], { dependencies: { x: '1' } });
  // As pnpm installs: everything once in a store, linked to where it is needed; x and y need each other.
  const x = install(join(folder, 'node_modules/.store/x'), 'x', ['y']);
  const y = install(join(folder, 'node_modules/.store/y'), 'y', [], { dependencies: { x: '*' } });
  symlinkSync(x, join(folder, 'node_modules/x'));
  symlinkSync(y, join(folder, 'node_modules/.store/x/node_modules/y'));
  symlinkSync(x, join(folder, 'node_modules/.store/y/node_modules/x'));
  t.same([...dependencies(folder).keys()], ['node_modules/x', 'node_modules/y']);
  await t.test('they load', async (t) => {
    t.equal((await throughBundle(t, folder)).description, 'x+y');
  });
  plugin(folder, [], { dependencies: { nowhere: '1' } });
  t.throws(() => dependencies(folder), {
    message: /depends on nowhere, which is not installed: run npm install/,
  });
});

t.test('what several packages need comes once, and each in the version it needs', async (t) => {
  const at = testdir(t, { pkg: { node_modules: {} }, store: {} });
  const folder = plugin(join(at, 'pkg'), ['a', 'b', 'w'], { dependencies: { a: '1', b: '1', w: '2' } });
  const stored = (name: string, needs: string[] = [], version = '1'): string =>
    install(join(at, 'store', `${name}${version}`), name, needs);
  const link = (target: string, from: string): void =>
    symlinkSync(target, join(from, 'node_modules', basename(target)));
  const [a, b, w1, w2, z] = [
    stored('a', ['w', 'z']),
    stored('b', ['w', 'z']),
    stored('w'),
    stored('w', [], '2'),
    stored('z', ['w']),
  ];
  writeFileSync(join(w2, 'index.js'), "export default 'w2';");
  for (const each of [a, b, z]) {
    mkdirSync(join(each, 'node_modules'));
    link(w1, each);
  }
  for (const each of [a, b]) link(z, each);
  for (const each of [a, b, w2]) link(each, folder);
  t.same(
    [...dependencies(folder).keys()].sort(),
    ['a', 'a/node_modules/w', 'b', 'b/node_modules/w', 'w', 'z', 'z/node_modules/w'].map(
      (path) => `node_modules/${path}`,
    ),
  );
  t.equal((await throughBundle(t, folder)).description, 'a+w+z+w b+w+z+w w2');
});

t.test('the same files make the same bytes, and too many none', async (t) => {
  const at = testdir(t, { pkg: {}, 'lone.mjs': 'export default 1;', 'other.mjs': 'export default 2;' });
  const folder = plugin(join(at, 'pkg'), [], {});
  writeFileSync(join(folder, 'second.mjs'), 'export default 2;');
  for (const path of [folder, join(at, 'lone.mjs'), join(folder, 'second.mjs')]) {
    const [one, two] = [join(at, 'one.tgz'), join(at, 'two.tgz')];
    await writeBundle(findModule(path)!, one);
    await writeBundle(findModule(path)!, two);
    t.ok(readFileSync(one).equals(readFileSync(two)), path);
  }
  const { cache } = cacheOf(t, () => createReadStream(join(at, 'one.tgz')));
  t.match(
    await cache.locate(REFERENCE),
    /second\.mjs$/,
    'the file that was named, not what the package exports',
  );
  writeFileSync(join(folder, 'large.bin'), Buffer.alloc(65 * 1024 * 1024));
  await t.rejects(writeBundle(findModule(folder)!, join(at, 'large.tgz')), {
    message: /would have 65\.0 MiB, more than 64; the largest files: large\.bin \(65\.0 MiB\)/,
  });
});

t.test('a manifest comes with the programs beside it', async (t) => {
  const at = testdir(t, {
    'plugin.json': '{"name":"p"}',
    'p.py': 'pass',
    __pycache__: { 'p.pyc': '' },
    shared: { 'q.py': 'pass' },
  });
  const target = join(temporary(t), 'bundle.tgz');
  t.equal((await writeBundle(findModule(join(at, 'plugin.json'))!, target)).files, 4);
  const { cache } = cacheOf(t, () => createReadStream(target));
  const url = await cache.locate(REFERENCE);
  t.match(url, /plugin\.json$/);
  t.same(readdirSync(dirname(fileURLToPath(url))).sort(), ['p.py', 'package.json', 'plugin.json', 'shared']);
});

t.test('a bundle is fetched once, whoever asks', async (t) => {
  let fetched = 0;
  const file = { name: 'package.json', text: '{"exports":"./bin/x.sh"}' };
  const { cache, folder } = cacheOf(t, () => {
    fetched += 1;
    return tar(file, { name: 'bin/x.sh', mode: 0o755, text: 'true' });
  });
  const urls = await Promise.all([cache.locate(REFERENCE), cache.locate(REFERENCE)]);
  urls.push(await cache.locate(REFERENCE));
  t.equal(new Set(urls).size, 1);
  t.equal(fetched, 1);
  t.equal(statSync(fileURLToPath(urls[0]!)).mode & 0o777, 0o700);
  const next = new BundleCache({ get: () => Promise.reject(new Error('not again')) }, folder);
  t.equal(await next.locate(REFERENCE), urls[0], 'nor after a restart');
});

t.test('a Plugin that names a blob runs as soon as it is there', async (t) => {
  const at = testdir(t, { pkg: {} });
  const target = join(temporary(t), 'bundle.tgz');
  await writeBundle(findModule(plugin(join(at, 'pkg'), [], {}))!, target);
  const bytes = readFileSync(target);
  const module = blobReference(`sha256-${createHash('sha256').update(bytes).digest('hex')}`);
  const bundles = { module: new URL('../../plugins/bundles/index.js', import.meta.url).href };
  const kernel = await testKernel(t, { plugins: [bundles], cacheDir: temporary(t), timing: { lease: 300 } });
  await kernel.objects.create(Plugins, { metadata: { name: 'bundled' }, spec: { module } });
  const status = async () => (await kernel.objects.get(Plugins, { name: 'bundled' }))?.value.status;
  await eventually('it is refused', async () => /there is no blob/.test((await status())?.message ?? ''));
  await kernel.blobs.put(bytes);
  await eventually('it runs', async () => (await status())?.phase === 'Running');

  const bad = await kernel.blobs.put(Buffer.from('no bundle'));
  await kernel.objects.modify(Plugins, { name: 'bundled' }, (draft) => {
    draft.spec = { module: blobReference(bad.digest) };
  });
  const refusal = async () => (await status())?.conditions?.find(({ type }) => type === 'Applied')?.message;
  await eventually('one that is none is refused', async () =>
    /no plugin bundle/.test((await refusal()) ?? ''),
  );
  t.equal((await status())?.phase, 'Running', 'and the one before goes on');
  const none = await testKernel(t, { timing: { lease: 300 } });
  await none.objects.create(Plugins, { metadata: { name: 'bundled' }, spec: { module } });
  await eventually('without the plugin it says so', async () => {
    const object = await none.objects.get(Plugins, { name: 'bundled' });
    return /no running plugin provides modules\.v1/.test(object?.value.status?.message ?? '');
  });
});

t.test('what is no bundle is refused, and leaves nothing', async (t) => {
  const file = { name: 'package.json', text: '{"exports":"./x.mjs"}' };
  const damaged = (): Readable => {
    const stream = tar(file, { name: 'x.mjs', text: 'x' });
    return Readable.from(
      (async function* () {
        for await (const chunk of stream) yield (chunk as Buffer).subarray(0, 40);
        throw new StatusError('InternalError', 'the blob is damaged');
      })(),
    );
  };
  for (const [what, get, message] of [
    ['bytes', () => Readable.from([Buffer.from('hello')]), /is no plugin bundle.*incorrect header check/],
    ['a way out', () => tar({ name: '../x', text: 'x' }), /it holds a file \.\.\/x/],
    ['a place of its own', () => tar({ name: '/etc/x', text: 'x' }), /it holds a file \/etc\/x/],
    ['a link', () => tar({ name: 'x', type: 'symlink', linkname: '/etc/passwd' }), /it holds a symlink x/],
    ['the same file twice', () => tar(file, file), /EEXIST/],
    ['an end too early', damaged, /the blob is damaged/],
  ] as const) {
    const { cache, folder } = cacheOf(t, get);
    await t.rejects(cache.locate(REFERENCE), { message }, what);
    t.same(inside(folder), ['node_modules'], what);
  }
  for (const [manifest, message] of [
    [undefined, /its package\.json cannot be read/],
    ['{"exports":"./y.mjs"}', /names no module/],
    ['{"exports":"../../x.mjs"}', /names no module/],
    ['{}', /names no module/],
  ] as const) {
    const files = manifest === undefined ? [] : [{ name: 'package.json', text: manifest }];
    const { cache } = cacheOf(t, () => tar({ name: 'x.mjs', text: 'x' }, ...files));
    await t.rejects(cache.locate(REFERENCE), { message });
  }
  const { cache } = cacheOf(t, () => Readable.from([]));
  for (const reference of ['blob:sha256-12', `${REFERENCE}#x`, DIGEST])
    await t.rejects(cache.locate(reference), { message: /is no reference to a blob/ });
});

t.test('a blob that is away for a moment is waited for, one that is not there is not', async (t) => {
  let asked = 0;
  const gone = new StatusError('NotFound', 'there is no blob');
  const text = '{"exports":"./package.json"}';
  const get = (): Promise<Readable> =>
    ++asked < 3 ? Promise.reject(gone) : Promise.resolve(tar({ name: 'package.json', text }));
  t.ok(await new BundleCache({ get }, temporary(t)).locate(REFERENCE));
  const never = new BundleCache({ get: () => Promise.reject(gone) }, temporary(t));
  await t.rejects(never.locate(REFERENCE), { message: 'there is no blob' });
});
