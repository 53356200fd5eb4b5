import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { StatusError } from 'orlop/plugin';
import { MINIMUM, tooOld } from '../../../kernel/nats/version.ts';
import { fetchWithApt } from './apt.ts';
import { fetchWithBrew } from './brew.ts';
import { versionOf } from './version.ts';

/** Folders of this name under the cache folder hold an unpacked server each. */
export const UNPACKED = 'nats-server-';

/**
 * The path of a nats-server that will do: `ORLOP_NATS_SERVER`, then PATH, then the cache folder, then fetched into it (apt on Debian,
 * brew on macOS). Throws `ServiceUnavailable` that says what to install.
 */
export async function findServer(cacheDir: string, progress: (text: string) => void): Promise<string> {
  const { found, refused } = await lookForServer(cacheDir);
  if (found) return found.path;
  try {
    const fetch = process.platform === 'darwin' ? fetchWithBrew : fetchWithApt;
    return await fetch(cacheDir, progress);
  } catch (error) {
    const others = refused.length > 0 ? `\nFound, but not usable: ${refused.join('; ')}` : '';
    throw new StatusError(
      'ServiceUnavailable',
      `No nats-server ${MINIMUM} or newer was found, and fetching one failed: ${(error as Error).message}${others}\n` +
        'Install nats-server (Debian 14 or newer: apt-get install nats-server; macOS: brew install nats-server; anywhere: the release ' +
        'of the nats-io/nats-server project) and put it on PATH, or set ORLOP_NATS_SERVER to its path.',
      {},
      { cause: error },
    );
  }
}

export interface Found {
  path: string;
  version: string;
}

/** What is on this machine already, as `findServer` prefers it; nothing is fetched. `refused`: why others will not do. */
export async function lookForServer(cacheDir: string): Promise<{ found?: Found; refused: string[] }> {
  const named = process.env['ORLOP_NATS_SERVER'];
  if (named) return { found: await insist(named), refused: [] };
  const refused: string[] = [];
  for (const path of [...onPath(), ...cached(cacheDir)]) {
    const version = await versionOf(path);
    if (version === undefined) continue;
    const why = tooOld(version);
    if (why === undefined) return { found: { path, version }, refused };
    refused.push(`${path}: ${why}`);
  }
  return { refused };
}

async function insist(path: string): Promise<Found> {
  const version = await versionOf(path);
  const why = version === undefined ? 'it does not run' : tooOld(version);
  if (version !== undefined && why === undefined) return { path, version };
  throw new StatusError(
    'ServiceUnavailable',
    `ORLOP_NATS_SERVER is ${path}: ${why}. Point it at another nats-server, or unset it.`,
  );
}

function onPath(): string[] {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, 'nats-server'))
    .filter((path) => existsSync(path));
}

function cached(cacheDir: string): string[] {
  if (!existsSync(cacheDir)) return [];
  return readdirSync(cacheDir)
    .filter((name) => name.startsWith(UNPACKED))
    .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))
    .flatMap((name) => ['usr/bin', 'usr/sbin'].map((bin) => join(cacheDir, name, bin, 'nats-server')))
    .filter((path) => existsSync(path));
}
