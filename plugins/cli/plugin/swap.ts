import { setTimeout as sleep } from 'node:timers/promises';
import {
  findCondition,
  isStatus,
  nearestOf,
  type PluginDeclaration,
  type PluginObject,
  type PluginPhase,
  StatusError,
} from 'orlop/plugin';
import { type ApiClient, apiClient } from '../client.ts';
import { readKubeconfig } from '../kubeconfig.ts';
import { dataDir } from '../paths.ts';
import { findModule, type LocalModule, load, readable, snapshot } from './module.ts';

/** Milliseconds until what was asked for must have happened: longer than the host gives a plugin to start. */
const PATIENCE = 90_000;

const UNDERWAY: readonly PluginPhase[] = ['Pending', 'Starting', 'Swapping'];

const PLUGINS = '/apis/orlop.dev/v1/plugins';

/** `orlop plugin swap`. Resolves with the exit code. */
export async function swapPlugin(name: string, module: string, data: unknown): Promise<number> {
  const local = findModule(module);
  const client = apiClient(readKubeconfig(dataDir(data)));
  try {
    const spec = { module: local ? snapshot(local) : module };
    if (local) await checkName(client, name, await load(module));
    return (await applyPlugin(client, name, spec, teller(local))) ? 0 : 1;
  } finally {
    client.close();
  }
}

/** A new plugin goes by its own name; only one that is there already can be replaced by one of another. */
async function checkName(client: ApiClient, name: string, declaration: PluginDeclaration): Promise<void> {
  if (name === declaration.name) return;
  const { items } = await client.get<{ items: PluginObject[] }>(PLUGINS);
  const names = items.map(({ metadata }) => metadata!.name!);
  if (names.includes(name)) return;
  const advice = `did you mean "${nearestOf(name, names)}"? To load it beside what there is, use its own name, "${declaration.name}"`;
  throw new StatusError('NotFound', `there is no plugin "${name}" in the cluster to replace; ${advice}`);
}

/** Prints lines, a snapshot's path in them as that of what it was taken of. */
export function teller(local: LocalModule | undefined): (line: string) => void {
  return (line) => console.log(local ? readable(line, local) : line);
}

/** Asks for the module under this name and waits for the outcome: whether it runs. Tells each step. */
export async function applyPlugin(
  client: ApiClient,
  name: string,
  spec: { module: string },
  tell: (line: string) => void,
): Promise<boolean> {
  const path = `${PLUGINS}/${encodeURIComponent(name)}`;
  const before = await get(client, path);
  if (before?.spec.module === spec.module && isSettled(before)) {
    tell(`${name}: runs this very module already, revision ${before.status?.revision}`);
    return true;
  }
  const asked = Date.now();
  const object = { apiVersion: 'orlop.dev/v1', kind: 'Plugin', metadata: { name }, spec };
  const { metadata } = await client.apply<PluginObject>(path, object);
  tell(`${name}: asked for ${spec.module}`);
  let shown = describe(name, before?.status);
  while (Date.now() - asked < PATIENCE) {
    const now = await get(client, path);
    const status = now?.status;
    const line = describe(name, status);
    if (status && line !== shown) tell(line);
    shown = line;
    const applied = findCondition(status?.conditions, 'Applied');
    const isSeen = now !== undefined && (status?.observedGeneration ?? 0) >= (metadata?.generation ?? 1);
    if (isSeen && applied?.status === 'False') {
      if (status?.phase !== 'Failed') tell(`${name}: refused: ${applied.message}`);
      if (status?.phase === 'Running') tell(`${name}: revision ${status.revision} goes on`);
      return false;
    }
    if (isSeen && !UNDERWAY.includes(status!.phase)) return isSettled(now) || status!.phase === 'Skipped';
    await sleep(50);
  }
  tell(`${name}: nothing came of it within ${PATIENCE / 1000} s; see kubectl get plugins`);
  return false;
}

function describe(name: string, status: PluginObject['status']): string {
  const { phase = 'Pending', revision = 0, version = '', message } = status ?? {};
  const about = [phase, version].join(' ').trim();
  return `${name}: ${about}${revision === 0 ? '' : `, revision ${revision}`}${message ? `: ${message}` : ''}`;
}

async function get(client: ApiClient, path: string): Promise<PluginObject | undefined> {
  try {
    return await client.get<PluginObject>(path);
  } catch (error) {
    if (isStatus(error, 'NotFound')) return undefined;
    throw error;
  }
}

function isSettled({ status }: PluginObject): boolean {
  return status?.phase === 'Running' && findCondition(status.conditions, 'Applied')?.status !== 'False';
}
