import { register } from 'node:module';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { type PluginDeclaration, StatusError } from 'orlop/plugin';
import { POWERS, type Power } from './builtins.ts';
import { guardGlobals } from './globals.ts';
import { clone, holds, isArray } from './intact.ts';
import { entryOf, keepOrigin, type Origin, originId, unmarked } from './origins.ts';
import { fileOf, packageOf } from './packages.ts';

const HERE = new URL('.', import.meta.url).href;
let gated = false;

/** Imports a module without powers for its declaration, and again with those that it grants itself when it is started. */
export async function loadGated(module: URL): Promise<PluginDeclaration> {
  gate();
  const reading = originOf(module, []);
  const found = await declaredBy(reading);
  const declaration = copyOf(found);
  // The kernel says what is wrong with it.
  if (typeof declaration?.name !== 'string') return found;
  const { name, grants } = declaration;
  const granted: readonly unknown[] = isArray(grants?.host) ? grants.host : [];
  const powers: Power[] = [];
  for (let i = 0; i < POWERS.length; i += 1)
    if (holds(granted, POWERS[i])) powers[powers.length] = POWERS[i]!;
  if (powers.length === 0) {
    await declaredBy({ ...reading, name, reading: false });
    return declaration;
  }
  await declaredBy({ ...reading, name });
  const powered = { ...originOf(module, powers), name };
  return { ...declaration, start: async (ctx) => await (await declaredBy(powered)).start(ctx) };
}

/** As it is now: what it says later gives it no power. `undefined`: it is none. */
function copyOf(found: PluginDeclaration): PluginDeclaration | undefined {
  try {
    return { ...clone({ ...found, start: undefined }), start: found.start };
  } catch {
    return undefined;
  }
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

async function declaredBy(origin: Origin): Promise<PluginDeclaration> {
  keepOrigin(origin);
  return await declared(entryOf(origin));
}

async function declared(specifier: string): Promise<PluginDeclaration> {
  try {
    return ((await import(specifier)) as { default: PluginDeclaration }).default;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const message = unmarked(error.message).replace(` imported from ${fileURLToPath(import.meta.url)}`, '');
    const { reason } = error as { reason?: unknown };
    if (reason === 'Forbidden') throw new StatusError(reason, message, {}, { cause: error });
    // As it would be without this.
    const lines = unmarked(error.stack ?? '').split('\n');
    Reflect.set(error, 'message', message);
    Reflect.set(error, 'stack', lines.filter((line) => !line.includes(HERE)).join('\n'));
    throw error;
  }
}
