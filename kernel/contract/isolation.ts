import { qualifiedResource, StatusError } from './errors.ts';
import { parseQuantity } from './model/quantity.ts';
import { Leases } from './model/resources.ts';
import type { Resource } from './objects.ts';
import type { Isolation, PluginDeclaration } from './plugin.ts';

/** Bytes below which a worker thread cannot be limited: its own kernel takes about that. */
const LEAST_MEMORY = 2 ** 24;

const WORKER = /^worker\/([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)$/;

export function isolationText(isolation: Isolation): string {
  return typeof isolation === 'string' ? isolation : `worker/${isolation.worker}`;
}

/** The thread it runs in, or its proxy does: `inline` for the kernel's own. */
export function placeOf(isolation: Isolation): string {
  return typeof isolation === 'string' ? 'inline' : isolationText(isolation);
}

/** The inverse of `isolationText`; `undefined` for what is neither `inline` nor `process` nor `worker/NAME`. */
export function parseIsolation(text: string): Isolation | undefined {
  if (text === 'inline' || text === 'process') return text;
  const [, worker] = WORKER.exec(text) ?? [];
  return worker === undefined ? undefined : { worker };
}

/** What is wrong with a limit of a worker's memory, if something is. */
export function memoryLimitProblem(text: string): string | undefined {
  if ((parseQuantity(text) ?? 0) >= LEAST_MEMORY) return undefined;
  return 'must be a quantity of at least 16Mi, e.g. "128Mi"';
}

/** With the limit of memory that was given, or else the one that is declared. Throws `Invalid`. */
export function withMemoryLimit(
  isolation: Isolation,
  { name, isolation: declared }: PluginDeclaration,
  given: string | undefined,
): Isolation {
  const refuse = (why: string): StatusError =>
    new StatusError('Invalid', `plugin "${name}" cannot be limited to ${given} of memory: ${why}`);
  const problem = given && memoryLimitProblem(given);
  if (problem) throw refuse(`it ${problem}`);
  if (typeof isolation === 'string') {
    // The loader of a process has been told.
    if (given === undefined || isolation === 'process') return isolation;
    throw refuse(`it runs ${isolation}, and only a worker can be: give isolation worker/NAME`);
  }
  const own = isolation.memory ?? (typeof declared === 'object' ? declared.memory : undefined);
  const memory = given ?? own;
  return memory === undefined ? isolation : { ...isolation, memory };
}

/** All that plugins may touch; `undefined` when that is everything. */
export function resourcesOf(declarations: readonly PluginDeclaration[]): Resource[] | undefined {
  const resources = new Map<string, Resource>();
  for (const { grants, singleton } of declarations) {
    for (const { resource } of grants?.objects ?? []) {
      if (resource === '*') return undefined;
      resources.set(qualifiedResource(resource), resource);
    }
    if (singleton) resources.set(qualifiedResource(Leases), Leases);
  }
  return [...resources.values()];
}
