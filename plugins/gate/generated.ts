/** The sources of modules that stand in the place of others. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { init, parse } from 'cjs-module-lexer';
import { GETTERS } from './builtins.ts';
import { type Origin, SCHEME } from './origins.ts';

const RUNTIME = JSON.stringify(new URL('./runtime.js', import.meta.url).href);
const FORM = new RegExp(`^${SCHEME}(builtin|commonjs|contract)/(.*)#([0-9a-f]+)$`);

/** What the module that stands for a CommonJS one imports: the exports of that, whoever asks under its URL. */
export const COMMONJS = `${SCHEME}commonjs`;

export function generatedUrl({ id }: Origin, kind: string, name: string): string {
  return `${SCHEME}${kind}/${name}#${id}`;
}

export async function generate(url: string, contract: string): Promise<string> {
  const [, kind, name = '', id] = FORM.exec(url)!;
  const origin = JSON.stringify(id);
  switch (kind) {
    case 'commonjs':
      return `import { commonJs } from ${RUNTIME};
export const { get } = commonJs(${origin});
export const it = commonJs(${origin}).load(${JSON.stringify(decodeURIComponent(name))});`;
    case 'contract':
      return `import { writePrivateOf } from ${RUNTIME};
export * from ${JSON.stringify(contract)};
export const writePrivate = writePrivateOf(${origin});`;
    default: {
      const names = Object.keys((await import(`node:${name}`)) as object);
      return `import { builtin } from ${RUNTIME};
const it = builtin(${origin}, ${JSON.stringify(name)});
export default it;
${exported(names, (each) => (isGetter(name, each) ? 'undefined' : `it[${each}]`))}`;
    }
  }
}

function isGetter(builtin: string, name: string): boolean {
  return builtin === 'process' && GETTERS.some((each) => JSON.stringify(each) === name);
}

/** The module as which a CommonJS one is imported: what that exports, under the names that its source tells. */
export async function commonJsShim(file: string): Promise<string> {
  await init();
  return `import { get, it } from '${COMMONJS}';
export default it;
${exported([...exportsOf(file, new Set())], (each) => `get(it, ${each})`)}`;
}

function exported(names: readonly string[], value: (name: string) => string): string {
  const others = names.filter((name) => name !== 'default').map((name) => JSON.stringify(name));
  return others.map((name, at) => `const e${at} = ${value(name)};\nexport { e${at} as ${name} };`).join('\n');
}

/** As Node finds them: by the text alone, following what it exports of others. */
function exportsOf(file: string, seen: Set<string>): Set<string> {
  const names = new Set<string>();
  if (seen.has(file)) return names;
  seen.add(file);
  try {
    const { exports, reexports } = parse(readFileSync(file, 'utf8'), file);
    for (const name of exports) names.add(name);
    for (const each of reexports) {
      const path = createRequire(file).resolve(each);
      if (/\.(c?js|[^.]*)$/.test(path)) for (const name of exportsOf(path, seen)) names.add(name);
    }
  } catch {
    // It has a default export then; what is wrong with it shows when it runs.
  }
  return names;
}
