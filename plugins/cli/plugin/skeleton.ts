import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nearestOf, StatusError } from 'orlop/plugin';
import { VERSION } from '../../../kernel/version.ts';
import { UsageError } from '../command.ts';

/** Folder of this package. */
const ORLOP = fileURLToPath(new URL('../../../..', import.meta.url)).replace(/\/$/, '');

/** Of each kind there is a skeleton of a folder of that name: the files that depend on the kind, each plugin called `PLACEHOLDER`. */
const TEMPLATES = join(ORLOP, 'plugins/cli/plugin/templates');
const PLACEHOLDER = 'my-plugin';

const NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** The kind there is an example of in Python, which is what is written. */
const IN_PYTHON = 'scheduler-scoring.v1';
const EXAMPLE = join(ORLOP, 'plugins/scoring/python');

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
  const kinds = skeletonKinds();
  if (!kinds.includes(kind)) {
    throw new UsageError(
      `there is no skeleton for ${kind}; did you mean ${nearestOf(kind, kinds)}? There are: ${kinds.join(', ')}.`,
    );
  }
  const folder = newFolder(path);
  mkdirSync(join(folder, 'node_modules/.bin'), { recursive: true });
  const files: Record<string, string> = {
    ...skeletonFiles(kind, name),
    'package.json': manifest(name),
    'jsconfig.json': JSCONFIG,
    'README.md': readme(name, kind),
    '.gitignore': 'node_modules\n.orlop\n',
  };
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
  // As `npm install` would: the very copy that runs, so that what the plugin imports is the kernel's own.
  symlinkSync(ORLOP, join(folder, 'node_modules/orlop'), 'dir');
  symlinkSync('../orlop/.build/plugins/cli/main.js', join(folder, 'node_modules/.bin/orlop'));
  tell(
    [
      `${folder}`,
      '',
      `  orlop plugin dev ${path}    a cluster that swaps it in at every save`,
      `  orlop plugin test ${path}   the declaration and the conformance suite of ${kind}`,
      `  npm test --prefix ${path}   its own tests, and that suite`,
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
  if (kind !== IN_PYTHON)
    throw new UsageError(
      `there is a skeleton in Python for ${IN_PYTHON} only, not for ${kind}; see ${join(ORLOP, 'plugins/process/PROTOCOL.md')}.`,
    );
  const folder = newFolder(path);
  const given = JSON.parse(readFileSync(join(EXAMPLE, 'plugin.json'), 'utf8')) as object;
  const manifest = { ...given, name, version: '0.1.0' };
  writeFileSync(join(folder, 'plugin.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
  writeFileSync(join(folder, 'scorer.py'), readFileSync(join(EXAMPLE, 'scorer.py')));
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

function manifest(name: string): string {
  const content = {
    name,
    version: '0.1.0',
    type: 'module',
    exports: './index.mjs',
    scripts: { test: 'node --test && orlop plugin test .' },
    peerDependencies: { orlop: `^${VERSION}` },
    devDependencies: { '@types/node': '20', orlop: `file:${ORLOP}` },
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
    `A plugin of kind \`${kind}\` for Orlop.`,
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
    'It is a skeleton.',
    '',
  ].join('\n');
}
