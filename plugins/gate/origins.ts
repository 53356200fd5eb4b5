/**
 * Whose code a module is. A gated module's URL ends in `#orlop-ID`, and so do those of all modules that it imports: each plugin has copies of its
 * own. Both the plugin's thread and that of the hooks keep the table of IDs.
 */
import { threadId } from 'node:worker_threads';
import { encode, exec, record, startsWith } from './intact.ts';

export interface Origin {
  readonly id: string;
  /** Of the plugin, once it is known. */
  name?: string | undefined;
  /** Whether it is imported for what it declares, before its powers are known. */
  reading: boolean;
  readonly powers: readonly string[];
  /** The folder it may import from by path; absent for a `data:` URL. */
  readonly root: string | undefined;
  /** URL of the plugin's module. */
  readonly module: string;
}

/** The scheme of what is made here: entries, and modules in the place of others. */
export const SCHEME = 'orlop-gate:';

const MARK = /#orlop-([0-9a-f]{16})(?=$|[:)])/;
const ENTER = `${SCHEME}enter/`;
const REQUIRE = `${SCHEME}require/`;

const origins = record<Origin>();
const ids = record<string>();
/** Of the IDs of this thread, of 16 digits: one thread may have the hooks of all. */
let lastId = 1e15 + threadId * 1e9;

/** The same for the same module and powers, so that it is loaded once. */
export function originId(module: string, powers: readonly string[]): string {
  const key = `${textOf(powers)} ${module}`;
  if (ids[key] === undefined) {
    lastId += 1;
    ids[key] = `${lastId}`;
  }
  return ids[key];
}

function textOf(powers: readonly string[]): string {
  let text = '';
  for (let i = 0; i < powers.length; i += 1) text += `${powers[i]},`;
  return text;
}

export function keepOrigin(origin: Origin): void {
  const known = origins[origin.id];
  if (!known) {
    origins[origin.id] = origin;
    return;
  }
  known.name ??= origin.name;
  known.reading &&= origin.reading;
}

export function originById(id: string): Origin {
  return origins[id]!;
}

/** Of a module, by its URL; or of a line of a stack trace. */
export function originOf(url: string | undefined): Origin | undefined {
  if (url === undefined || startsWith(url, SCHEME)) return undefined;
  const found = exec(MARK, url);
  return found === null ? undefined : origins[found[1]!];
}

/** The URL of that origin's copy of a module. */
export function marked(url: string, { id }: Origin): string {
  return `${url.replace(/#.*$/s, '')}#orlop-${id}`;
}

/** A text without the marks of the URLs in it. */
export function unmarked(text: string): string {
  return text.replace(/#orlop-[0-9a-f]{16}/g, '');
}

/** What the kernel imports to import a plugin's module as that origin's. */
export function entryOf({ id, name, reading, powers, root, module }: Origin): string {
  const fields = `${encode(name ?? '')}/${reading}/${textOf(powers)}/${encode(root ?? '')}/${encode(module)}`;
  return `${ENTER}${id}/${fields}`;
}

export function entered(specifier: string): Origin | undefined {
  if (!specifier.startsWith(ENTER)) return undefined;
  const fields = specifier.slice(ENTER.length).split('/').map(decodeURIComponent);
  const [id = '', name, reading, powers = '', root, module = ''] = fields;
  return {
    id,
    name: name || undefined,
    reading: reading === 'true',
    powers: powers.split(',').filter((power) => power !== ''),
    root: root || undefined,
    module,
  };
}

/** In errors. */
export function labelOf({ name, module }: Origin): string {
  if (name !== undefined) return `plugin "${name}"`;
  return `plugin module ${module.startsWith('data:') ? 'data:' : module.replace(/^.*\/|[?#].*$/g, '')}`;
}

/** What the kernel resolves to know which module `require` is to get where Node's own would get an ES module, by the condition `module-sync`. */
export function requireOf(specifier: string, parent: string): string {
  return REQUIRE + encodeURIComponent(JSON.stringify({ specifier, parent }));
}

export function required(specifier: string): { specifier: string; parent: string } | undefined {
  if (!specifier.startsWith(REQUIRE)) return undefined;
  return JSON.parse(decodeURIComponent(specifier.slice(REQUIRE.length))) as {
    specifier: string;
    parent: string;
  };
}

/** Why something is refused, and which grant to ask for. */
export function refusal(origin: Origin, what: string, power: string): string {
  const label = labelOf(origin);
  return origin.reading
    ? `${label} may not use ${what} while it is imported: it has host powers, those that its grants.host lists, from its start on`
    : `${label} may not use ${what}: add '${power}' to its grants.host`;
}
