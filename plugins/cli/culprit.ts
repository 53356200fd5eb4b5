import { dirname, isAbsolute, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type PluginObject, Plugins } from 'orlop/plugin';
import type { Kernel } from '../../kernel/kernel.ts';

/** What went wrong that nobody caught, and where. */
export interface Blame {
  /** With the plugin, if that is known. */
  text: string;
  error: string;
  /** Runs here by this object, and the kernel could do without it. */
  plugin?: PluginObject;
}

/** In which plugin something went wrong that nobody caught, as far as the error's stack tells: it names the modules it came through. */
export async function blame(error: Error, kernel: Pick<Kernel, 'objects' | 'plugins'>): Promise<Blame> {
  const { message, stack = '' } = error;
  const [place] = /(file:|\/)\S+?:\d+/.exec(stack.replace(message, '')) ?? [];
  const text = place === undefined ? message : `${message}, at ${place.replace(/[?#][^:]*/, '')}`;
  // Whatever else has gone wrong by now, the error is told.
  const { items } = await kernel.objects.list(Plugins, { revision: 0 }).catch(() => ({ items: [] }));
  const name = culprit(
    stack,
    items.map(({ value }) => value),
  );
  const status = kernel.plugins().find((each) => each.name === name);
  if (!status) return { text, error: text };
  const told = { text: `plugin "${name}" revision ${status.revision}: ${text}`, error: text };
  const plugin = items.find(({ key }) => key.name === name)?.value;
  return plugin && !status.required ? { ...told, plugin } : told;
}

/** By the module itself, or else by its folder if only one is from there. Orlop's own have none in their objects. */
export function culprit(stack: string, plugins: readonly PluginObject[]): string | undefined {
  const modules = plugins.flatMap(({ metadata, spec }) =>
    spec.module === undefined ? [] : [{ name: metadata!.name!, path: pathOf(spec.module) }],
  );
  const itself = modules.find(({ path }) => stack.includes(path));
  const near = modules.filter(({ path }) => isAbsolute(path) && stack.includes(`${dirname(path)}/`));
  return itself?.name ?? (near.length === 1 ? near[0]!.name : undefined);
}

/** What of it a stack has: a blob is unpacked into a folder of its name, and an npm package's is in `node_modules`. */
function pathOf(module: string): string {
  if (module.startsWith('blob:')) return module.slice('blob:'.length);
  if (module.startsWith('file:')) return fileURLToPath(module.replace(/[?#].*/, ''));
  return isAbsolute(module) || module.startsWith('.') ? resolve(module) : `node_modules/${module}/`;
}
