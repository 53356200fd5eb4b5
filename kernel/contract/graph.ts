import { StatusError } from './errors.ts';
import type { PluginDeclaration } from './plugin.ts';

/** One requirement of a plugin, whatever its form. */
export interface Requirement {
  /** The key in `ctx.services`. */
  readonly key: string;
  readonly kind: string;
  readonly many: boolean;
  readonly optional: boolean;
}

export function requirementsOf(declaration: PluginDeclaration): Requirement[] {
  return Object.entries(declaration.requires ?? {}).map(([key, requirement]) => {
    const isOptional = 'optional' in requirement;
    const { kind, many } = isOptional ? requirement.optional : requirement;
    return { key, kind, many, optional: isOptional || many };
  });
}

/** A plugin in the graph. `place` is the thread it runs in: a service never leaves its place. */
export interface GraphNode {
  readonly name: string;
  readonly declaration: PluginDeclaration;
  /** `inline`, or the worker's name. */
  readonly place: string;
}

/**
 * The plugins in an order in which every provider comes before those that require it, each with the names of the plugins to wait for.
 * Throws `Invalid` listing every duplicate, missing provider, version mismatch and cycle, each naming both ends.
 */
export function sortGraph(nodes: readonly GraphNode[]): Map<string, string[]> {
  const problems: string[] = [];
  const names = new Set<string>();
  for (const { name } of nodes) {
    if (names.has(name)) problems.push(`plugin "${name}" is loaded twice: remove one`);
    names.add(name);
  }
  const edges = new Map(nodes.map((node) => [node.name, edgesOf(node, nodes, problems)]));
  problems.push(...duplicateProviders(nodes), ...strandedProviders(nodes));
  const order = new Map<string, string[]>();
  const path: string[] = [];
  for (const { name } of nodes) visit(name);
  if (problems.length > 0) throw new StatusError('Invalid', problems.join('\n'));
  return order;

  function visit(name: string): void {
    if (order.has(name)) return;
    if (path.includes(name)) {
      problems.push(
        `plugins require each other in a cycle: ${[...path.slice(path.indexOf(name)), name].join(' -> ')}`,
      );
      return;
    }
    path.push(name);
    for (const provider of edges.get(name)!) visit(provider);
    path.pop();
    order.set(name, edges.get(name)!);
  }
}

/** Throws `Invalid` when somebody uses what a plugin provides in its place, which cannot follow it to another. */
export function checkLeave(leaving: GraphNode, nodes: readonly GraphNode[]): void {
  const provided = leaving.declaration.provides ?? [];
  for (const { name, declaration, place } of nodes) {
    if (place !== leaving.place || name === leaving.name) continue;
    const used = requirementsOf(declaration).find(({ kind }) => provided.some((each) => each.kind === kind));
    if (!used) continue;
    const text =
      `plugin "${leaving.name}" cannot go to another thread: plugin "${name}" uses the ${used.kind} that it provides in this one (${place}), ` +
      'and a service cannot cross threads; let both stay, or delete that one first';
    throw new StatusError('Invalid', text);
  }
}

function edgesOf(node: GraphNode, nodes: readonly GraphNode[], problems: string[]): string[] {
  const found = new Set<string>();
  for (const { kind, optional, key } of requirementsOf(node.declaration)) {
    const all = nodes.filter((each) => each.declaration.provides?.some((token) => token.kind === kind));
    const here = all.filter((each) => each.place === node.place);
    for (const provider of here) found.add(provider.name);
    if (here.length > 0 || optional) continue;
    problems.push(
      `plugin "${node.name}" requires ${kind} (services.${key}), ${whyMissing(kind, node, all[0], nodes)}`,
    );
  }
  return [...found];
}

function whyMissing(
  kind: string,
  node: GraphNode,
  elsewhere: GraphNode | undefined,
  nodes: readonly GraphNode[],
): string {
  if (elsewhere) {
    return (
      `which plugin "${elsewhere.name}" provides in another thread (${elsewhere.place}, not ${node.place}): ` +
      'a service cannot cross threads; give both the same isolation'
    );
  }
  const [base] = kind.split('.v');
  for (const other of nodes) {
    const token = other.declaration.provides?.find((each) => each.kind.startsWith(`${base}.v`));
    if (token) return `but plugin "${other.name}" provides ${token.kind}: use versions of the two that match`;
  }
  return 'which no plugin provides: add one that does';
}

function duplicateProviders(nodes: readonly GraphNode[]): string[] {
  const problems: string[] = [];
  const providers = new Map<string, string>();
  const forms = new Map<string, { name: string; many: boolean }>();
  for (const { name, declaration, place } of nodes) {
    for (const { kind, many } of declaration.provides ?? []) {
      const form = forms.get(kind) ?? { name, many };
      forms.set(kind, form);
      if (form.many !== many) {
        const [only, other] = many ? [form.name, name] : [name, form.name];
        problems.push(
          `plugin "${only}" provides ${kind} as the only one, and plugin "${other}" as one of many: give both the same token`,
        );
      }
      if (many) continue;
      const other = providers.get(`${place} ${kind}`);
      if (other !== undefined && other !== name) {
        problems.push(`plugins "${other}" and "${name}" both provide ${kind}: keep one`);
      }
      providers.set(`${place} ${kind}`, name);
    }
  }
  return problems;
}

/** A service of many that is asked for in other threads only would be one that nobody uses, in silence. */
function strandedProviders(nodes: readonly GraphNode[]): string[] {
  return nodes.flatMap(({ name, declaration, place }) =>
    (declaration.provides ?? []).flatMap(({ kind, many }) => {
      const users = nodes.filter((node) =>
        requirementsOf(node.declaration).some((each) => each.kind === kind),
      );
      const [user] = users;
      if (!many || !user || users.some((each) => each.place === place)) return [];
      return (
        `plugin "${name}" provides ${kind} in another thread (${place}) than plugin "${user.name}" uses it in (${user.place}): ` +
        'a service cannot cross threads; give both the same isolation'
      );
    }),
  );
}
