import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Installs nats-server with Homebrew and returns its path. */
export async function fetchWithBrew(_cacheDir: string, progress: (text: string) => void): Promise<string> {
  progress('Installing nats-server with brew');
  await run('brew', ['install', '--quiet', 'nats-server'], { timeout: 600_000 });
  const { stdout } = await run('brew', ['--prefix', 'nats-server']);
  return join(stdout.trim(), 'bin/nats-server');
}
