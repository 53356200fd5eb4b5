import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Stops the server a kill -9'd kernel left behind. `pidFile` says which process it was; that it still is one is verified by its command
 * line naming `config`, because process ids are reused.
 */
export async function stopOrphan(pidFile: string, config: string): Promise<boolean> {
  if (!existsSync(pidFile)) return false;
  const pid = Number(readFileSync(pidFile, 'utf8'));
  const alive = (): boolean => Number.isSafeInteger(pid) && pid > 1 && commandLine(pid).includes(config);
  const found = alive();
  if (found) {
    kill(pid, 'SIGINT');
    const deadline = Date.now() + 10_000;
    while (alive() && Date.now() < deadline) await sleep(20);
    if (alive()) kill(pid, 'SIGKILL');
    while (alive()) await sleep(20);
  }
  rmSync(pidFile, { force: true });
  return found;
}

/** Its arguments, separated by one character each; empty when there is no such process, or only its remains. */
function commandLine(pid: number): string {
  try {
    if (process.platform === 'linux') return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
  } catch {
    return '';
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
