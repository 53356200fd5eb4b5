import { setTimeout as sleep } from 'node:timers/promises';
import { findCondition, isStatus, type PluginObject } from 'orlop/plugin';
import { type ApiClient, apiClient } from '../client.ts';
import { readKubeconfig } from '../kubeconfig.ts';
import { dataDir } from '../paths.ts';
import { findModule, snapshot } from './module.ts';

/** Milliseconds until what was asked for must have happened: longer than the host gives a plugin to start. */
const PATIENCE = 90_000;

/** `orlop plugin swap`. Resolves with the exit code. */
export async function swapPlugin(name: string, module: string, data: unknown): Promise<number> {
  const local = findModule(module);
  const client = apiClient(readKubeconfig(dataDir(data)));
  try {
    const swapped = await applyPlugin(client, name, local ? snapshot(local) : module, (line) =>
      console.log(line),
    );
    return swapped ? 0 : 1;
  } finally {
    client.close();
  }
}

/** Asks for the module under this name and waits for the outcome: whether it runs. Tells each step. */
export async function applyPlugin(
  client: ApiClient,
  name: string,
  module: string,
  tell: (line: string) => void,
): Promise<boolean> {
  const path = `/apis/orlop.dev/v1/plugins/${encodeURIComponent(name)}`;
  const before = await get(client, path);
  if (before?.spec.module === module && isSettled(before)) {
    tell(`${name}: runs this very module already, revision ${before.status?.revision}`);
    return true;
  }
  const asked = Date.now();
  const object = { apiVersion: 'orlop.dev/v1', kind: 'Plugin', metadata: { name }, spec: { module } };
  const { metadata } = await client.apply<PluginObject>(path, object);
  tell(`${name}: asked for ${module}`);
  let shown = '';
  while (Date.now() - asked < PATIENCE) {
    const now = await get(client, path);
    const status = now?.status;
    const line = `${name}: ${describe(status)}`;
    if (status && line !== shown) tell(line);
    if (status) shown = line;
    if (now && (status?.observedGeneration ?? 0) >= (metadata?.generation ?? 1)) {
      const applied = findCondition(status?.conditions, 'Applied');
      if (applied?.status === 'False') tell(`${name}: refused: ${applied.message}`);
      return isSettled(now) || status?.phase === 'Skipped';
    }
    await sleep(50);
  }
  tell(`${name}: nothing came of it within ${PATIENCE / 1000} s; see kubectl get plugins`);
  return false;
}

function describe(status: PluginObject['status']): string {
  const { phase = 'Pending', revision = 0, version = '', message } = status ?? {};
  return `${[phase, version].join(' ').trim()}, revision ${revision}${message ? `: ${message}` : ''}`;
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
