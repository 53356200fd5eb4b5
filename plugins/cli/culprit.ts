import { dirname, isAbsolute, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type PluginObject, type PluginPhase, Plugins } from 'orlop/plugin';
import type { Kernel } from '../../kernel/kernel.ts';

/** What went wrong that nobody caught, and where. */
export interface Blame {
  /** With the plugin, if that is known. */
  text: string;
  error: string;
  /** Runs here by this object, and the kernel can do without it. */
  plugin?: PluginObject;
}

/** What else is to be known of whom is suspected. */
export interface Past {
  /** Plugins that the kernel cannot do without; others may be in their place. */
  required: readonly string[];
  /** When one that had been left out was let in again, milliseconds since 1970; 0 if never. */
  backSince(name: string): number;
}

/**
 * In which plugin something went wrong that nobody caught. The error's stack names the modules it came through; where it names none, as for an
 * event of a socket, the plugin that came last is suspected.
 */
export async function blame(
  error: Error,
  kernel: Pick<Kernel, 'objects' | 'plugins'>,
  past: Past,
): Promise<Blame> {
  const { message, stack = '' } = error;
  const frames = stack.replace(message, '').replaceAll(/\bnode:\S+/g, '');
  const [place] = /(file:|\/)\S+?:\d+/.exec(frames) ?? [];
  // Whatever else has gone wrong by now, the error is told.
  const { items } = await kernel.objects.list(Plugins, { revision: 0 }).catch(() => ({ items: [] }));
  const objects = items.map(({ value }) => value);
  const dispensable = new Map(
    kernel
      .plugins()
      .filter((each) => !each.required && !past.required.includes(each.name))
      .map((each) => [each.name, each]),
  );
  if (place === undefined) {
    const plugin = cameLast(
      objects.filter(({ metadata, spec }) => {
        const status = dispensable.get(metadata!.name!);
        return spec.module !== undefined && status?.isolation === 'inline' && BUSY.includes(status.phase);
      }),
      past,
    );
    if (!plugin) return { text: message, error: message };
    const { name } = plugin.metadata!;
    return {
      plugin,
      text: `${message}. Its stack names no module: plugin "${name}" is suspected, as the last that came or changed`,
      error: `${message}; its stack names no module, and this was the last plugin that came or changed`,
    };
  }
  const text = `${message}, at ${place.replace(/[?#][^:]*/, '')}`;
  const name = culprit(stack, objects);
  if (name === undefined) return { text, error: text };
  // Absent when it happened in its import.
  const status = kernel.plugins().find((each) => each.name === name);
  const revision = status ? ` revision ${status.revision}` : '';
  const told = { text: `plugin "${name}"${revision}: ${text}`, error: text };
  const plugin = objects.find(({ metadata }) => metadata!.name === name);
  const isDispensable = status ? dispensable.has(name) : !past.required.includes(name);
  return plugin && isDispensable ? { ...told, plugin } : told;
}

const BUSY: readonly PluginPhase[] = ['Starting', 'Running', 'Swapping'];

/** By the last change to its spec, or by when it was let in again. */
export function cameLast(
  plugins: readonly PluginObject[],
  { backSince }: Pick<Past, 'backSince'>,
): PluginObject | undefined {
  const since = ({ metadata }: PluginObject): number => {
    const { name = '', creationTimestamp = '', managedFields = [] } = metadata ?? {};
    const changes = managedFields.flatMap(({ subresource, time }) => (subresource || !time ? [] : [time]));
    const times = [creationTimestamp, ...changes].map((each) => Date.parse(each) || 0);
    return Math.max(backSince(name), ...times);
  };
  return plugins.toSorted((a, b) => since(b) - since(a))[0];
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
