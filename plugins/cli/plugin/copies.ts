import { cpSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Kinds of which a plugin that conforms is too large for a skeleton: what the standard one is made of, below the build, itself first. */
const COPIED: Readonly<Record<string, readonly string[]>> = {
  'apiserver.v1': ['plugins/apiserver', 'generated/schemas'],
  'node.v1': ['plugins/node'],
};

export function copiedKinds(): string[] {
  return Object.keys(COPIED);
}

export function isCopied(kind: string): boolean {
  return Object.hasOwn(COPIED, kind);
}

/** Copies the standard plugin of that kind, as it is compiled, from a build. */
export function copyStandard(kind: string, build: string, folder: string): void {
  const isWanted = (from: string): boolean => statSync(from).isDirectory() || /\.(js|json)$/.test(from);
  for (const part of COPIED[kind] ?? [])
    cpSync(join(build, part), join(folder, part), { recursive: true, filter: isWanted });
}

/** Its module in that folder. */
export function moduleOf(kind: string): string {
  return `./${COPIED[kind]?.[0]}/index.js`;
}

/** Why there is no skeleton, and what there is. */
export function aboutCopy(kind: string): string {
  return `There is no small ${kind}. This is Orlop's own as it is compiled: JavaScript without types, under its own name, to be changed; of Orlop it imports \`orlop/plugin\` only.`;
}
