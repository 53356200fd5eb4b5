import { realpathSync } from 'node:fs';
import { register } from 'node:module';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { definePlugin, type PluginDeclaration, StatusError } from 'orlop/plugin';
import { POWERS } from './builtins.ts';
import { guardGlobals } from './globals.ts';
import { entryOf, keepOrigin, type Origin, originId, unmarked } from './origins.ts';
import { packageOf, TREE } from './packages.ts';

const HERE = new URL('.', import.meta.url).href;
let gated = false;

/**
 * The loader of JavaScript modules. Those that are not Orlop's own have the host powers that their declaration grants them, and no others; it is read
 * first, without any.
 */
export async function load(module: URL): Promise<PluginDeclaration> {
  if (fileOf(module)?.startsWith(TREE)) return await declared(module.href);
  gate();
  const reading = originOf(module, []);
  const found = await declaredBy(reading);
  if (typeof found?.name !== 'string') return found;
  const { name } = found;
  // What it may do is what it says now.
  const declaration = definePlugin({
    ...found,
    ...(found.grants ? { grants: structuredClone(found.grants) } : {}),
  });
  const granted = declaration.grants?.host;
  const powers = Array.isArray(granted) ? POWERS.filter((power) => granted.includes(power)) : [];
  if (powers.length === 0) {
    await declaredBy({ ...reading, name, reading: false });
    return declaration;
  }
  await declaredBy({ ...reading, name });
  const powered = { ...originOf(module, powers), name };
  return { ...declaration, start: async (ctx) => await (await declaredBy(powered)).start(ctx) };
}

/** Once in a thread, and not before it is needed: it takes memory and a moment. */
function gate(): void {
  if (gated) return;
  gated = true;
  const data = { contract: import.meta.resolve('orlop/plugin') };
  register(new URL('./hooks.js', import.meta.url), { data });
  // By that cache a text given to `Function` or `eval` would import as whoever had the same text compiled before.
  setFlagsFromString('--no-compilation-cache');
  guardGlobals();
}

function originOf(module: URL, powers: readonly string[]): Origin {
  const { href } = module;
  const file = fileOf(module);
  const root = file === undefined ? undefined : packageOf(file);
  return { id: originId(href, powers), reading: powers.length === 0, powers, root, module: href };
}

/** Without symbolic links; `undefined` too where there is no such file, which its import will say. */
function fileOf(module: URL): string | undefined {
  if (module.protocol !== 'file:') return undefined;
  try {
    return realpathSync(fileURLToPath(module));
  } catch {
    return undefined;
  }
}

async function declaredBy(origin: Origin): Promise<PluginDeclaration> {
  keepOrigin(origin);
  return await declared(entryOf(origin));
}

async function declared(specifier: string): Promise<PluginDeclaration> {
  try {
    return ((await import(specifier)) as { default: PluginDeclaration }).default;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const { reason } = error as { reason?: unknown };
    // As it would be without this.
    const message = unmarked(error.message).replace(` imported from ${fileURLToPath(import.meta.url)}`, '');
    const lines = unmarked(error.stack ?? '').split('\n');
    const stack = lines.filter((line) => !line.includes(HERE)).join('\n');
    throw reason === 'Forbidden'
      ? new StatusError(reason, message, {}, { cause: error })
      : Object.assign(error, { message, stack });
  }
}
