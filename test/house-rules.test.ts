/** The rules of the design that a program can check. Each failure names the file and the rule. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { basename, dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PluginDeclaration } from 'orlop/plugin';
import t from 'tap';
import { powerFor } from '../plugins/gate/builtins.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const TOP_LEVEL = ['kernel', 'plugins', 'runtimes', 'test', 'bench'];
const TOP_LEVEL_FILES = [
  'CHANGELOG.md',
  'LICENSE',
  'README.md',
  'package-lock.json',
  'package.json',
  'tsconfig.json',
];
const HEADINGS = [
  '## What it does',
  '## Configuration',
  '## Provides and requires',
  '## Metrics',
  '## Limits',
];
/** Lines with code in all of the kernel but its contract. The design hopes for 2,500; this keeps what there is from growing. */
const KERNEL_LINES = 5_650;
const FILE_LINES = 400;
/** A test is a list of cases: it may be longer. */
const TEST_LINES = 500;
const MEDIAN_LINES = 120;

const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file !== '' && existsSync(join(root, file)));
const sources = tracked.filter((file) => file.endsWith('.ts'));
const manifest = JSON.parse(read('package.json')) as Record<
  'dependencies' | 'devDependencies',
  Record<string, string>
>;
/** Folders of what the build runs to make files: it has the development dependencies. */
const makers = [...read('plugins/cli/setup.mjs').matchAll(/'\.build\/([^']+)\/[^/']+\.js'/g)].map(
  (match) => match[1]!,
);

function read(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

/** What a file imports: relative paths made relative to the root, everything else as written. */
function importsOf(file: string): string[] {
  const text = read(file);
  const found = [
    ...text.matchAll(/^(?:import|export)\b[^'"`;]*?\bfrom '([^']+)'/gm),
    ...text.matchAll(/^import '([^']+)'/gm),
    ...text.matchAll(/\bimport\('([^']+)'\)/g),
  ].map((match) => match[1]!);
  return found.map((each) => (each.startsWith('.') ? normalize(join(dirname(file), each)) : each));
}

/** Folders with an `index.ts` that has a declaration, or makes one: a loader. */
const pluginFolders = sources
  .filter((file) => /^(plugins|runtimes)\/.*index\.ts$/.test(file) && /definePlugin/.test(read(file)))
  .map((file) => dirname(file));
/** Those of plugins in other languages. */
const manifestFolders = tracked
  .filter((file) => /^plugins\/.*plugin\.json$/.test(file))
  .map((file) => dirname(file));

/** The folder of the plugin a file belongs to, if it belongs to one. */
function pluginOf(file: string): string | undefined {
  return [...pluginFolders, ...manifestFolders].find((folder) => file.startsWith(`${folder}/`));
}

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** Why `file` may not import `target`, if so. */
function forbidden(file: string, target: string): string | undefined {
  if (target.startsWith('node:')) return undefined;
  if (builtinModules.includes(target)) return 'name built-in modules with node:';
  const inTree = TOP_LEVEL.some((folder) => target.startsWith(`${folder}/`));
  if (/^(test|bench)\//.test(file)) return undefined;
  if (/^(test|bench)\//.test(target)) return 'nothing imports test/ or bench/';
  const making =
    makers.some((folder) => file.startsWith(`${folder}/`)) && packageOf(target) in manifest.devDependencies;
  // Published for plugin authors; the command that runs it for them uses it as they do.
  if (target === 'orlop/conformance' && file.startsWith('plugins/cli/plugin/')) return undefined;
  if (!inTree && target !== 'orlop/plugin' && !making && !(packageOf(target) in manifest.dependencies)) {
    return 'not a dependency in package.json';
  }
  if (target === 'nats' && !/^kernel\/(store|bus|nats)\//.test(file)) {
    return 'the NATS client appears only in kernel/store, kernel/bus and kernel/nats';
  }
  if (file.startsWith('kernel/contract/')) {
    const own = target.startsWith('kernel/contract/') || packageOf(target) === 'kubernetes-types';
    return own ? undefined : 'the contract imports itself only';
  }
  if (file.startsWith('kernel/'))
    return inTree && !target.startsWith('kernel/') ? 'the kernel imports kernel/' : undefined;
  if (file === 'plugins/standard.ts' || file.startsWith('plugins/cli/')) return undefined;
  if (!inTree) return undefined;
  const plugin = pluginOf(file);
  return plugin !== undefined && target.startsWith(`${plugin}/`)
    ? undefined
    : 'a plugin imports orlop/plugin, its own folder and its own packages';
}

t.test('imports go where they may', async (t) => {
  t.ok(sources.length > 100, 'there are sources to check');
  const wrong = sources.flatMap((file) =>
    importsOf(file).flatMap((target) => {
      const why = forbidden(file, target);
      return why === undefined ? [] : [`${file} imports ${target}: ${why}`];
    }),
  );
  t.same(wrong, []);
});

t.test('every plugin has a declaration and a README with the fixed headings', async (t) => {
  t.ok(pluginFolders.length > 10, 'there are plugins to check');
  for (const folder of [...pluginFolders, ...manifestFolders]) {
    const readme = existsSync(join(root, folder, 'README.md')) ? read(join(folder, 'README.md')) : '';
    const lines = readme.split('\n');
    const headings = lines.filter((line) => /^#{1,2} /.test(line));
    const fixed = headings.slice(1).filter((line) => HEADINGS.includes(line));
    t.match(headings[0] ?? '', /^# \S+/, `${folder}/README.md starts with its name`);
    t.same(fixed, HEADINGS, `${folder}/README.md has the headings`);
    if (manifestFolders.includes(folder)) continue;
    t.match(
      read(join(folder, 'index.ts')),
      /^export (default definePlugin|async function load\()/m,
      `${folder}/index.ts is a declaration, or a loader`,
    );
  }
});

/** What a file imports of Node's modules to run, by module and name; `*`: all of it. */
function builtinsOf(file: string): [builtin: string, name: string][] {
  const text = read(file);
  const named = [...text.matchAll(/^import (?!type )([^'"`;]*?) from 'node:([^']+)'/gm)].flatMap(
    ([, what = '', builtin = '']) => {
      const [, names] = /^\{(.*)\}$/s.exec(what) ?? [];
      const parts = names?.split(',').map((each) => each.trim().replace(/ as .*/s, '')) ?? ['*'];
      return parts.map((name) => [builtin, name] as [string, string]);
    },
  );
  const whole = [...text.matchAll(/\bawait import\('node:([^']+)'\)/g)].map(
    ([, builtin = '']) => [builtin, '*'] as [string, string],
  );
  return [...named, ...whole].filter(([, name]) => name !== '' && !name.startsWith('type '));
}

/** Whether only the build runs it. */
function isOnlyOfMakers(file: string): boolean {
  const maker = makers.find((folder) => file.startsWith(`${folder}/`));
  if (maker === undefined) return false;
  return !sources.some(
    (each) =>
      !/^(test|bench)\//.test(each) && !each.startsWith(`${maker}/`) && importsOf(each).includes(file),
  );
}

t.test('every kind is in the catalogue, and has a suite that its plugins are run against', async (t) => {
  const kindsIn = (file: string, pattern: RegExp): string[] =>
    [...read(file).matchAll(pattern)].map((match) => match[1]!);
  // None: a loader.
  const kindOf = (folder: string): string | undefined =>
    kindsIn(join(folder, 'index.ts'), /^ {2}kind: '(.+)'/gm)[0];
  const kinds = new Set([
    ...pluginFolders.flatMap((folder) => kindOf(folder) ?? []),
    ...manifestFolders.flatMap((folder) => kindsIn(join(folder, 'plugin.json'), /"kind": "(.+?)"/g)),
    ...sources
      .filter((file) => file.startsWith('kernel/contract/kinds/'))
      .flatMap((file) => kindsIn(file, /\bservices?<.*>\('(.+)'\)/g)),
  ]);
  t.ok(kinds.size > 15, 'there are kinds to check');
  const catalogue = read('plugins/README.md').split('\n');
  const command = read('plugins/cli/plugin/suites.ts');
  const suites = sources.filter((file) => file.startsWith('test/conformance/'));
  for (const kind of kinds) {
    const row = catalogue.find((line) => line.startsWith(`| \`${kind}\``));
    t.match(row ?? '', /\| yes +\|$/, `${kind} has a row in plugins/README.md, with a suite`);
    t.ok(catalogue.includes(`### ${kind}`), `${kind} has a section in plugins/README.md`);
    const suite = suites.find((file) => read(file).includes(`conformance to ${kind}\``));
    const name = `./${suite?.slice('test/conformance/'.length)}`;
    t.ok(read('test/conformance/index.ts').includes(`'${name}'`), `${kind} has a suite in test/conformance`);
    t.ok(command.includes(`'${kind}'`), `orlop plugin test runs the suite of ${kind}`);
  }
  const tests = sources.filter((file) => file.endsWith('.test.ts')).map(read);
  const running = tests.filter((text) => /Conformance\(/.test(text)).join('\n');
  const unseen = [...pluginFolders.filter((folder) => kindOf(folder)), ...manifestFolders].filter(
    (folder) => {
      // The controllers are found by their folders; the component is built from its own; of manifests one folder is like another.
      if (dirname(folder) === 'plugins/controllers') return false;
      const ofManifest = manifestFolders.includes(folder)
        ? folder.replace(/^plugins\//, '')
        : basename(folder);
      const name = folder === 'plugins/scoring/wasm' ? 'scoring-wasm' : ofManifest;
      return !new RegExp(`['/]${name}['/]`).test(running);
    },
  );
  t.same(unseen, [], 'every plugin is run against a suite');
});

t.test('the host powers a plugin declares are those it uses', async (t) => {
  for (const folder of pluginFolders) {
    const index = (await import(new URL(`../${folder}/index.js`, import.meta.url).href)) as {
      default?: PluginDeclaration;
    };
    // A loader has none.
    if (!index.default) continue;
    const declared = index.default.grants?.host ?? [];
    const files = sources.filter((file) => pluginOf(file) === folder && !isOnlyOfMakers(file));
    const missing = files.flatMap((file) =>
      builtinsOf(file).flatMap(([builtin, name]) => {
        const power = powerFor(builtin, name, declared);
        return power === undefined ? [] : [`${file} imports ${name} of node:${builtin}: '${power}'`];
      }),
    );
    const used = files.flatMap((file) => [
      ...builtinsOf(file).map(([builtin, name]) => powerFor(builtin, name)),
      ...(/\bwritePrivate\b/.test(read(file)) ? ['files'] : []),
      ...(/\bctx\.listen\(/.test(read(file)) ? ['net'] : []),
      ...(/from 'dockerode'/.test(read(file)) ? ['docker'] : []),
    ]);
    if (used.includes('files') && !declared.includes('files')) missing.push(`${folder} writes files`);
    t.same([...new Set(missing)], [], `${folder}/index.ts grants itself what it uses`);
    t.same(
      declared.filter((power) => !used.includes(power)),
      [],
      `${folder}/index.ts grants itself no more`,
    );
  }
});

t.test('files and the kernel stay small', async (t) => {
  const sizes = sources.map((file) => ({ file, lines: read(file).split('\n').length - 1 }));
  t.same(
    sizes
      .filter(({ file, lines }) => lines > (file.startsWith('test/') ? TEST_LINES : FILE_LINES))
      .map(({ file, lines }) => `${file}: ${lines} lines`),
    [],
    `no file has over ${FILE_LINES} lines, no test over ${TEST_LINES}`,
  );
  const sorted = sizes.map(({ lines }) => lines).sort((a, b) => a - b);
  t.ok(sorted[Math.floor(sorted.length / 2)]! <= MEDIAN_LINES, `the median is at most ${MEDIAN_LINES} lines`);
  const kernel = sources.filter((file) => file.startsWith('kernel/') && !file.startsWith('kernel/contract/'));
  const code = kernel
    .flatMap((file) => read(file).split('\n'))
    .filter((line) => !/^\s*($|\/\/|\/?\*)/.test(line));
  t.ok(code.length <= KERNEL_LINES, `the kernel has ${code.length} lines of code, at most ${KERNEL_LINES}`);
});

t.test('names and places are those of the design', async (t) => {
  const strangers = [...new Set(tracked.map((file) => file.split('/')[0]!))].filter(
    (name) => !name.startsWith('.') && !TOP_LEVEL.includes(name) && !TOP_LEVEL_FILES.includes(name),
  );
  t.same(strangers, [], 'nothing else at the top');
  const vague = tracked.filter((file) => /(^|\/)(utils?|helpers?|common|misc|lib)(\/|\.|$)/i.test(file));
  t.same(vague, [], 'no file is named for being useful');
});

t.test('folders of tests are removed after what runs in them', (t) => {
  const wrong = sources.filter(
    (file) => file.startsWith('test/') && file !== 'test/testdir.ts' && /\.testdir\(/.test(read(file)),
  );
  t.same(wrong, [], 'they use test/testdir.ts');
  t.end();
});
