import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nearestOf, StatusError } from 'orlop/plugin';
import { VERSION } from '../../../kernel/version.ts';
import { UsageError } from '../command.ts';
import { aboutCopy, copiedKinds, copyStandard, isCopied, moduleOf } from './copies.ts';
import { installed } from './dependencies.ts';

/** Folder of this package. */
const ORLOP = fileURLToPath(new URL('../../../..', import.meta.url)).replace(/\/$/, '');

/** Of each kind there is a skeleton of a folder of that name: the files that depend on the kind, each plugin called `PLACEHOLDER`. */
const TEMPLATES = join(ORLOP, 'plugins/cli/plugin/templates');
const PLACEHOLDER = 'my-plugin';

/** Packages that a skeleton imports, of those that Orlop itself has, and what it takes to check its types. */
const PACKAGES: Readonly<Record<string, { runtime: string[]; types: Record<string, string> }>> = {
  'apiserver.v1': { runtime: ['@hono/node-server', 'fast-json-patch', 'hono', 'ws', 'yaml'], types: {} },
  'ca.v1': { runtime: ['@peculiar/x509', 'reflect-metadata'], types: {} },
  'modules.v1': { runtime: ['tar-stream'], types: { '@types/tar-stream': '3' } },
};

const NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** By kind, the example in Python, which is what is written. */
const IN_PYTHON: Readonly<Record<string, string>> = {
  'admission.v1': 'plugins/admission/python',
  'authorizer.v1': 'plugins/authorizer/python',
  'scheduler-scoring.v1': 'plugins/scoring/python',
};

/** Of which there is a skeleton in Python. */
export function pythonKinds(): string[] {
  return Object.keys(IN_PYTHON);
}

/** `orlop plugin new`: writes a folder of that name. Returns the exit code. */
export function writeSkeleton(path: string, kind: string, language: string, tell = console.log): number {
  const name = basename(path);
  if (!NAME.test(name))
    throw new UsageError(`${name} is no name for a plugin: lower-case letters, digits and "-".`);
  if (language === 'python') return writePython(path, name, kind, tell);
  if (language !== 'javascript')
    throw new UsageError(
      `there is no skeleton in ${language}; there are javascript and python. Any language will do: see ${join(ORLOP, 'plugins/process/PROTOCOL.md')}.`,
    );
  const kinds = [...skeletonKinds(), ...copiedKinds()].sort();
  if (!kinds.includes(kind)) {
    throw new UsageError(
      `there is no skeleton for ${kind}; did you mean ${nearestOf(kind, kinds)}? There are: ${kinds.join(', ')}.`,
    );
  }
  const folder = newFolder(path);
  mkdirSync(join(folder, 'node_modules/.bin'), { recursive: true });
  const isCopy = isCopied(kind);
  if (isCopy) copyStandard(kind, join(ORLOP, '.build'), folder);
  const files: Record<string, string> = {
    ...(isCopy ? {} : { ...skeletonFiles(kind, name), 'jsconfig.json': JSCONFIG }),
    'package.json': manifest(name, kind),
    'README.md': readme(name, kind),
    '.gitignore': 'node_modules\n.orlop\n',
  };
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
  // As `npm install` would: the very copy that runs, so that what the plugin imports is the kernel's own.
  for (const [each, at] of [['orlop', ORLOP] as const, ...packagesOf(kind)]) {
    const link = join(folder, 'node_modules', each);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(at, link, 'dir');
  }
  symlinkSync('../orlop/plugins/cli/orlop', join(folder, 'node_modules/.bin/orlop'));
  tell(
    [
      `${folder}`,
      ...(isCopy ? [aboutCopy(kind)] : []),
      '',
      `  orlop plugin dev ${path}    a cluster that swaps it in at every save`,
      `  orlop plugin test ${path}   the declaration and the conformance suite of ${kind}`,
      `  npm test --prefix ${path}   ${isCopy ? 'that suite' : 'its own tests, and that suite'}`,
    ].join('\n'),
  );
  return 0;
}

/** Kinds of which a skeleton can be written. */
export function skeletonKinds(): string[] {
  return readdirSync(TEMPLATES).sort();
}

/** Those that depend on the kind: texts by file name. */
export function skeletonFiles(kind: string, name: string): Record<string, string> {
  const folder = join(TEMPLATES, kind);
  const read = (file: string): string => readFileSync(join(folder, file), 'utf8');
  return Object.fromEntries(
    readdirSync(folder).map((file) => [file, read(file).replaceAll(PLACEHOLDER, name)]),
  );
}

function writePython(path: string, name: string, kind: string, tell = console.log): number {
  const example = IN_PYTHON[kind];
  if (example === undefined)
    throw new UsageError(
      `there are skeletons in Python for ${pythonKinds().join(', ')}, not for ${kind}; see ${join(ORLOP, 'plugins/process/PROTOCOL.md')}.`,
    );
  const folder = newFolder(path);
  const read = (file: string): string => readFileSync(join(ORLOP, example, file), 'utf8');
  const given = JSON.parse(read('plugin.json')) as object;
  const manifest = { ...given, name, version: '0.1.0' };
  writeFileSync(join(folder, 'plugin.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
  for (const file of readdirSync(join(ORLOP, example)))
    if (/\.(py|mjs)$/.test(file)) writeFileSync(join(folder, file), read(file));
  writeFileSync(join(folder, 'README.md'), readme(name, kind));
  writeFileSync(join(folder, '.gitignore'), '__pycache__\n.orlop\n');
  tell(
    [
      `${folder}`,
      '',
      `  orlop plugin test ${path}   the manifest and the conformance suite of ${kind}`,
      `  orlop plugin dev ${path}    a cluster that swaps it in at every save`,
    ].join('\n'),
  );
  return 0;
}

function newFolder(path: string): string {
  const folder = resolve(path);
  if (existsSync(folder))
    throw new StatusError('AlreadyExists', `${folder} is there already: choose another name`);
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** Those it imports, each with where it is. */
function packagesOf(kind: string): [name: string, at: string][] {
  return (PACKAGES[kind]?.runtime ?? []).map((name) => {
    const at = installed(name, ORLOP);
    if (at === undefined)
      throw new StatusError('NotFound', `${ORLOP} lacks its package ${name}: run npm install there`);
    return [name, at];
  });
}

function manifest(name: string, kind: string): string {
  const versions = packagesOf(kind).map(([each, at]) => {
    const { version } = JSON.parse(readFileSync(join(at, 'package.json'), 'utf8')) as { version: string };
    return [each, `^${version}`];
  });
  const content = {
    name,
    version: '0.1.0',
    type: 'module',
    exports: isCopied(kind) ? moduleOf(kind) : './index.mjs',
    scripts: { test: `${isCopied(kind) ? '' : 'node --test *.test.mjs && '}orlop plugin test .` },
    ...(versions.length > 0 ? { dependencies: Object.fromEntries(versions) as object } : {}),
    peerDependencies: { orlop: `^${VERSION}` },
    devDependencies: { '@types/node': '20', ...PACKAGES[kind]?.types, orlop: `file:${ORLOP}` },
  };
  return `${JSON.stringify(content, undefined, 2)}\n`;
}

const JSCONFIG = `{
  "compilerOptions": {
    "checkJs": true,
    "strict": true,
    "noEmit": true,
    "maxNodeModuleJsDepth": 0,
    "target": "es2023",
    "module": "nodenext",
    "types": ["node"],
    "skipLibCheck": true
  },
  "include": ["*.mjs"]
}
`;

function readme(name: string, kind: string): string {
  return [
    `# ${name}`,
    '',
    '## What it does',
    '',
    `A plugin of kind \`${kind}\` for Orlop.${isCopied(kind) ? ` ${aboutCopy(kind)}` : ''}`,
    '',
    '## Configuration',
    '',
    `\`orlop plugin config ./${name}\` prints it.`,
    '',
    '## Provides and requires',
    '',
    'See its declaration.',
    '',
    '## Metrics',
    '',
    'None.',
    '',
    '## Limits',
    '',
    isCopied(kind) ? 'Those of the one it is a copy of.' : 'It is a skeleton.',
    '',
  ].join('\n');
}
