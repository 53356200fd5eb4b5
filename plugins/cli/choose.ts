import type { PluginDeclaration } from 'orlop/plugin';
import type { PluginEntry } from '../../kernel/kernel.ts';
import { type Role, standardPlugins } from '../standard.ts';
import { UsageError } from './command.ts';

/** The standard plugins of these roles but those left out by name. Throws `UsageError` for a name there is not. */
export async function choosePlugins(
  roles: readonly Role[],
  without: readonly string[],
): Promise<PluginEntry[]> {
  const entries = standardPlugins(roles);
  if (without.length === 0) return entries;
  const names = (await declarationsOf(entries)).map(({ name }) => name);
  for (const name of without) {
    if (!names.includes(name)) {
      throw new UsageError(
        `--without ${name}: there is no such plugin. There are: ${names.sort().join(', ')}.`,
      );
    }
  }
  return entries.filter((_, index) => !without.includes(names[index]!));
}

/** The names of those that are required. */
export async function requiredOf(entries: readonly PluginEntry[]): Promise<string[]> {
  return (await declarationsOf(entries)).filter(({ required }) => required).map(({ name }) => name);
}

async function declarationsOf(entries: readonly PluginEntry[]): Promise<PluginDeclaration[]> {
  return await Promise.all(
    entries.map(async ({ module }) => ((await import(module)) as { default: PluginDeclaration }).default),
  );
}
