import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nearestOf, StatusError } from 'orlop/plugin';
import { VERSION } from '../../../kernel/version.ts';
import { UsageError } from '../command.ts';
import { TEMPLATES } from './templates/index.ts';

/** Folder of this package. */
const ORLOP = fileURLToPath(new URL('../../../..', import.meta.url)).replace(/\/$/, '');

const NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** `orlop plugin new`: writes a folder of that name. Returns the exit code. */
export function writeSkeleton(path: string, kind: string): number {
  const name = basename(path);
  if (!NAME.test(name))
    throw new UsageError(`${name} is no name for a plugin: lower-case letters, digits and "-".`);
  const template = TEMPLATES[kind];
  if (!template) {
    const kinds = Object.keys(TEMPLATES);
    throw new UsageError(
      `there is no skeleton for ${kind}; did you mean ${nearestOf(kind, kinds)}? There are: ${kinds.join(', ')}.`,
    );
  }
  const folder = resolve(path);
  if (existsSync(folder))
    throw new StatusError('AlreadyExists', `${folder} is there already: choose another name`);
  mkdirSync(join(folder, 'node_modules'), { recursive: true });
  const files: Record<string, string> = {
    'index.mjs': template.module(name),
    'index.test.mjs': template.test(name),
    ...(template.conformance ? { 'conformance.mjs': template.conformance() } : {}),
    'package.json': manifest(name),
    'jsconfig.json': JSCONFIG,
    'README.md': readme(name, kind),
    '.gitignore': 'node_modules\n.orlop\n',
  };
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
  // As `npm install` would: the very copy that runs, so that what the plugin imports is the kernel's own.
  symlinkSync(ORLOP, join(folder, 'node_modules/orlop'), 'dir');
  console.log(
    [
      `${folder}`,
      '',
      `  orlop plugin test ${path}   the declaration and the conformance suite of ${kind}`,
      `  orlop plugin dev ${path}    a cluster that swaps it in at every save`,
      `  node --test ${path}         its own tests`,
    ].join('\n'),
  );
  return 0;
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
    'See `provides` and `requires` in `index.mjs`.',
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
