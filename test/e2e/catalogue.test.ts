/** The catalogue of plugins/README.md and the skeletons of `orlop plugin new` are one: each kind shows, or links to, what is written. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { skeletonFiles, skeletonKinds, writeSkeleton } from '../../plugins/cli/plugin/skeleton.ts';
import { testPlugin } from '../../plugins/cli/plugin/test.ts';
import { testdir } from '../testdir.ts';

const plugins = fileURLToPath(new URL('../../../plugins', import.meta.url));
const text = readFileSync(join(plugins, 'README.md'), 'utf8');
const sections = new Map(
  text.split(/^### /m).map((section) => [section.slice(0, section.indexOf('\n')), section]),
);

t.test('every kind of which there is a skeleton shows it', async (t) => {
  for (const kind of skeletonKinds()) {
    const section = sections.get(kind) ?? '';
    const [, shown] = /^```js\n(.*?)^```$/ms.exec(section) ?? [];
    const linked = section.includes(`](cli/plugin/templates/${kind}/index.mjs)`);
    if (shown !== undefined || !linked) t.equal(shown, skeletonFiles(kind, 'my-plugin')['index.mjs'], kind);
  }
});

t.test(
  'every example is that of a skeleton, every kind has its line in the table, and every link leads somewhere',
  async (t) => {
    const kinds = [...sections.keys()].filter((name) => /\.v\d+$/.test(name));
    const examples = kinds.filter((kind) => /^```js\n/m.test(sections.get(kind)!));
    t.same(
      examples.filter((kind) => !skeletonKinds().includes(kind)),
      [],
    );
    const listed = [...text.matchAll(/^\| `([a-z-]+\.v\d+)`/gm)].map((match) => match[1]!);
    t.same(
      [...kinds, ...skeletonKinds()].filter((kind) => !listed.includes(kind)),
      [],
    );
    for (const [, target] of text.matchAll(/\]\((?!https?:)([^)#]+)/g))
      t.ok(existsSync(join(plugins, target!)), target!);
  },
);

t.test('the skeletons in Python conform', async (t) => {
  for (const [kind, said] of [
    ['authorizer.v1', /what it lists it allows/],
    ['admission.v1', /it looks as it should[\s\S]*for that reason/],
  ] as const) {
    const path = join(testdir(t), kind.replace('.', '-'));
    writeSkeleton(path, kind, 'python', () => undefined);
    const lines: string[] = [];
    t.equal(await testPlugin(path, (line) => lines.push(line)), 0, lines.join('\n'));
    t.match(lines.join('\n'), said);
  }
});
