import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { createGzip } from 'node:zlib';
import { type BlobClient, blobReference, definePlugin, type ModuleSource } from 'orlop/plugin';
import { type Header, pack } from 'tar-stream';
import type { Checks } from './checks.ts';

export interface ModulesFixture {
  modules: ModuleSource;
  /** Those of the cluster that it reads from. */
  blobs: Pick<BlobClient, 'put'>;
  /** Swaps it for itself. */
  swap(): Promise<void>;
}

type File = Partial<Header> & { name: string; text?: string };

const MANIFEST = { name: 'package.json', text: '{"type":"module","exports":"./index.mjs"}' };
const INDEX = {
  name: 'index.mjs',
  text: "import { definePlugin } from 'orlop/plugin';\nimport { beside } from './beside.mjs';\nexport { definePlugin, beside };\n",
};
const MANY = 300;

/** The suite every plugin of kind `modules.v1` passes. */
export async function modulesConformance(
  t: Checks,
  name: string,
  make: (t: Checks) => Promise<ModulesFixture>,
): Promise<void> {
  await t.test(`${name}: conformance to modules.v1`, async (t) => {
    const { modules, blobs, swap } = await make(t);
    // Of this run only: what an earlier one unpacked does not count.
    const beside = (text: string): File => ({
      name: 'beside.mjs',
      text: `export const beside = '${text}'; // ${Date.now()} ${Math.random()}`,
    });
    const put = async (bytes: Uint8Array): Promise<string> => blobReference((await blobs.put(bytes)).digest);
    const bundle = async (...files: File[]): Promise<string> => put(await archive(files));

    const reference = await bundle(MANIFEST, INDEX, beside('one'));
    const urls = await Promise.all([1, 2, 3].map(() => modules.locate(reference)));
    t.equal(new Set(urls).size, 1, 'several who ask at once get the same');
    const [url] = urls as [string];
    t.match(url, /^file:\/\//, 'it is the URL of a file');
    const module = (await import(url)) as { definePlugin: unknown; beside: unknown };
    t.equal(module.beside, 'one', 'the module is there with what it imports beside it');
    t.equal(module.definePlugin, definePlugin, 'and what it imports of orlop is the very copy that runs it');
    t.equal(await modules.locate(reference), url, 'the same reference is the same URL');
    const other = await modules.locate(await bundle(MANIFEST, INDEX, beside('two')));
    t.not(other, url, 'another is another');
    t.equal(((await import(other)) as typeof module).beside, 'two');

    await refusals(t, { modules, put, bundle, folder: dirname(fileURLToPath(url)) });

    await swap();
    t.equal(await modules.locate(reference), url, 'a swap changes nothing of it');
    const files = Array.from({ length: MANY }, (_, at) => ({
      name: `${at}.txt`,
      text: `${at}`.repeat(1000),
    }));
    const large = await bundle(MANIFEST, INDEX, beside('many'), ...files);
    // Whether this one succeeds is open.
    const interrupted = modules.locate(large).catch(() => undefined);
    await swap();
    const whole = await modules.locate(large);
    await interrupted;
    t.equal(readdirSync(dirname(fileURLToPath(whole))).length, MANY + 3, 'one that was interrupted is whole');
    t.equal(((await import(whole)) as typeof module).beside, 'many');
  });
}

interface Refusing {
  modules: ModuleSource;
  put(bytes: Uint8Array): Promise<string>;
  bundle(...files: File[]): Promise<string>;
  /** Where a bundle is unpacked. */
  folder: string;
}

async function refusals(t: Checks, { modules, put, bundle, folder }: Refusing): Promise<void> {
  const digest = `sha256-${'0'.repeat(64)}`;
  await t.rejects(modules.locate(blobReference(digest)), { reason: 'NotFound' }, 'there is no such blob');
  const tricks = ['', 'blob:', digest, 'blob:sha256-12', `blob:${digest}/../x`, `blob:${digest}#x`];
  for (const trick of [...tricks, 'blob:../../x', 'file:///etc/passwd', `blob:${digest.toUpperCase()}`])
    await t.rejects(modules.locate(trick), { reason: 'Invalid' }, `"${trick}" is no reference`);
  const good = await archive([MANIFEST, INDEX, { name: 'beside.mjs', text: 'export const beside = 1;' }]);
  const bad: Record<string, string> = {
    'bytes of another kind': await put(Buffer.from('no bundle')),
    'an archive that ends too early': await put(good.subarray(0, good.length - 40)),
    'one without a manifest': await bundle(INDEX),
    'one whose manifest names nothing': await bundle({ name: 'package.json', text: '{}' }, INDEX),
    'one that names what is not there': await bundle(MANIFEST),
    'one that names a file elsewhere': await bundle({ name: 'package.json', text: '{"exports":"../x.mjs"}' }),
    'one with a file elsewhere': await bundle(MANIFEST, INDEX, { name: '../escaped', text: 'x' }),
    'one with a link': await bundle(MANIFEST, INDEX, { name: 'l', type: 'symlink', linkname: '/etc/passwd' }),
  };
  for (const [what, reference] of Object.entries(bad))
    for (const time of ['', ', the second time too'])
      await t.rejects(modules.locate(reference), { reason: 'Invalid' }, `${what} is refused${time}`);
  t.notOk(existsSync(join(folder, '../escaped')), 'nothing is written outside of its folder');
}

async function archive(files: File[]): Promise<Buffer> {
  const tar = pack();
  for (const { text = '', ...header } of files) tar.entry(header, text);
  tar.finalize();
  return buffer(tar.pipe(createGzip()));
}
