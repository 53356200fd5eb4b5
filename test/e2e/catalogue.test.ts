/** The examples of plugins/README.md are whole plugins: each passes the suite of its kind. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { orlop } from './orlop.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

t.test('every example of the catalogue conforms', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'orlop-catalogue-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules/orlop'), 'dir');
  const text = readFileSync(join(root, 'plugins/README.md'), 'utf8');
  const examples = [...text.matchAll(/^```js\n(.*?)^```$/gms)].map((match) => match[1]!);
  t.equal(examples.length, 8);
  for (const [index, example] of examples.entries()) {
    const [, kind] = /kind: '(.*)'/.exec(example)!;
    const file = join(folder, `${index}.mjs`);
    writeFileSync(file, example);
    const { code, stdout, stderr } = await orlop('plugin', 'test', file);
    t.equal(code, 0, `${kind}: ${stdout}${stderr}`);
    t.match(stdout, `conformance to ${kind}`);
  }
});
