/**
 * Whose code a module is. A gated module's URL ends in `#orlop-ID`, and so do those of all modules that it imports: each plugin has copies of its
 * own. Both the plugin's thread and that of the hooks keep the table of IDs.
 */
import { createHash } from 'node:crypto';

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

const origins = new Map<string, Origin>();

/** The same for the same module and powers, so that it is loaded once. */
export function originId(module: string, powers: readonly string[]): string {
  const text = JSON.stringify([module, [...powers].sort()]);
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

export function keepOrigin(origin: Origin): void {
  const known = origins.get(origin.id);
  if (!known) return void origins.set(origin.id, origin);
  known.name ??= origin.name;
  known.reading &&= origin.reading;
}

export function originById(id: string): Origin {
  return origins.get(id)!;
}

/** Of a module, by its URL; or of a line of a stack trace. */
export function originOf(url: string | undefined): Origin | undefined {
  if (url === undefined || url.startsWith(SCHEME)) return undefined;
  const [, id] = MARK.exec(url) ?? [];
  return id === undefined ? undefined : origins.get(id);
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
export function entryOf(origin: Origin): string {
  return ENTER + encodeURIComponent(JSON.stringify(origin));
}

export function entered(specifier: string): Origin | undefined {
  if (!specifier.startsWith(ENTER)) return undefined;
  return JSON.parse(decodeURIComponent(specifier.slice(ENTER.length))) as Origin;
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
