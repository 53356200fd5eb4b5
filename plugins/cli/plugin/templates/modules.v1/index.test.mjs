import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createGzip } from 'node:zlib';
import { pack } from 'tar-stream';
import { Bundles } from './index.mjs';

const digest = `sha256-${'0'.repeat(64)}`;

test('a bundle is unpacked once, and is found again', async (t) => {
  const home = mkdtempSync(join(tmpdir(), 'bundles-'));
  t.after(() => rmSync(home, { recursive: true }));
  let fetched = 0;
  const get = async () => {
    fetched += 1;
    const archive = pack();
    archive.entry({ name: 'package.json' }, '{"exports":"./a.mjs"}');
    archive.entry({ name: 'a.mjs' }, 'export const a = 1;');
    archive.finalize();
    return archive.pipe(createGzip());
  };
  const bundles = new Bundles({ get }, home, home);
  const url = await bundles.locate(`blob:${digest}`);
  assert.equal(readFileSync(fileURLToPath(url), 'utf8'), 'export const a = 1;');
  assert.equal(await bundles.locate(`blob:${digest}`), url);
  assert.equal(fetched, 1);
  await assert.rejects(bundles.locate('blob:../x'), /is no reference/);
});
