/** Customization hooks of Node's module loader, in a thread of their own: what a plugin's modules get when they import something. */

import type { LoadFnOutput, LoadHookContext, ResolveFnOutput, ResolveHookContext } from 'node:module';
import { isBuiltin } from 'node:module';
import { fileURLToPath } from 'node:url';
import { isOpenTo } from './builtins.ts';
import { COMMONJS, commonJsShim, generate, generatedUrl } from './generated.ts';
import {
  entered,
  keepOrigin,
  labelOf,
  marked,
  type Origin,
  originOf,
  required,
  SCHEME,
  unmarked,
} from './origins.ts';
import { outside } from './packages.ts';

type Resolve = (specifier: string, context?: Partial<ResolveHookContext>) => Promise<ResolveFnOutput>;
type Load = (url: string, context?: Partial<LoadHookContext>) => Promise<LoadFnOutput>;

/** Conditions in the `exports` of packages. */
const REQUIRE = ['node', 'require'];

/** URL of `orlop/plugin`, as the kernel itself imports it. */
let contract = '';
/** URLs of CommonJS modules, marked. */
const shims = new Set<string>();

export function initialize(data: { contract: string }): void {
  ({ contract } = data);
}

export async function resolve(
  specifier: string,
  context: ResolveHookContext,
  next: Resolve,
): Promise<ResolveFnOutput> {
  const parent = originOf(context.parentURL);
  if (parent) return await resolveFor(parent, specifier, context, next);
  const asked = required(specifier);
  if (asked) return await next(asked.specifier, { ...context, parentURL: asked.parent, conditions: REQUIRE });
  const entry = entered(specifier);
  if (!entry) return await next(specifier, context);
  keepOrigin(entry);
  const found = await next(entry.module, context);
  return { ...found, url: marked(found.url, entry) };
}

async function resolveFor(
  origin: Origin,
  specifier: string,
  context: ResolveHookContext,
  next: Resolve,
): Promise<ResolveFnOutput> {
  if (specifier === 'orlop/plugin') return replaced(origin, 'contract', '');
  // As whom, and of which module, is not for it to say.
  if (specifier === COMMONJS && shims.has(context.parentURL!))
    return replaced(origin, 'commonjs', encodeURIComponent(unmarked(context.parentURL!)));
  if (specifier.startsWith(SCHEME)) throw refused(`${labelOf(origin)} may not import ${specifier}`);
  const found = await next(specifier, context);
  const { url } = found;
  if (isBuiltin(url)) {
    const name = url.replace(/^node:/, '');
    return isOpenTo(origin.powers, name) ? found : replaced(origin, 'builtin', name);
  }
  if (!url.startsWith('file:')) return { ...found, url: marked(url, origin) };
  if (url === contract) return replaced(origin, 'contract', '');
  const from = context.parentURL?.startsWith('file:') ? fileURLToPath(context.parentURL) : undefined;
  const why = outside(origin, from, fileURLToPath(url));
  if (why !== undefined) throw refused(why);
  return { ...found, url: marked(url, origin) };
}

function replaced(origin: Origin, kind: string, name: string): ResolveFnOutput {
  return { url: generatedUrl(origin, kind, name), format: 'module', shortCircuit: true };
}

/** A `StatusError` would not come through to the other thread as one. */
function refused(message: string): Error {
  return Object.assign(new Error(message), { reason: 'Forbidden' });
}

/** Other kinds of modules could get at what is not theirs. */
const FORMATS = new Set(['module', 'module-typescript', 'json', 'wasm', 'commonjs']);

export async function load(url: string, context: LoadHookContext, next: Load): Promise<LoadFnOutput> {
  if (url.startsWith(SCHEME))
    return { format: 'module', source: await generate(url, contract), shortCircuit: true };
  const origin = originOf(url);
  if (!origin) return await next(url, context);
  const loaded = await next(url, context);
  const { format } = loaded;
  if (!FORMATS.has(String(format)))
    throw refused(`${labelOf(origin)} may not import ${url.replace(/#.*$/, '')}: it is of format ${format}`);
  if (format !== 'commonjs') return loaded;
  shims.add(url);
  return { format: 'module', source: await commonJsShim(fileURLToPath(url)), shortCircuit: true };
}
