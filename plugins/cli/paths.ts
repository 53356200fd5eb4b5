import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** Where a cluster's state lives: `--data`, or `orlop` in the user's XDG data folder. */
export function dataDir(flag: unknown): string {
  if (typeof flag === 'string') return resolve(flag);
  return join(process.env['XDG_DATA_HOME'] ?? join(homedir(), '.local/share'), 'orlop');
}

/** What can be fetched or computed again: `orlop` in the user's XDG cache folder. */
export function cacheDir(): string {
  const dir = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'orlop');
  mkdirSync(dir, { recursive: true });
  return dir;
}

export function kubeconfigPath(data: string): string {
  return join(data, 'kubeconfig');
}
