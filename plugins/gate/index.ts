import type { PluginDeclaration } from 'orlop/plugin';
import { fileOf, TREE } from './packages.ts';

/**
 * The loader of JavaScript modules: what they export, as `definePlugin` made it. Those that are not Orlop's own have the host powers that their
 * declaration grants them, and no others. Throws `Forbidden` when one takes more while it is imported.
 */
export async function load(module: URL): Promise<PluginDeclaration> {
  if (fileOf(module)?.startsWith(TREE))
    return ((await import(module.href)) as { default: PluginDeclaration }).default;
  // Most threads have none.
  const { loadGated } = await import('./gated.ts');
  return await loadGated(module);
}
