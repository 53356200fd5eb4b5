import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lineLogger } from '../../../kernel/log.ts';
import { storeDir } from '../nats/server/config.ts';
import { stopOrphan } from '../nats/server/orphan.ts';
import { Staging } from '../nats/server/staging.ts';

/** Followed by the id of the process whose it is, and what makes it unique. */
const NAME = /^orlop-plugin-test-(\d+)-/;

/** A temporary folder for the kernels of a trial. Those of processes that were killed are removed. */
export async function makeTrialFolder(): Promise<string> {
  for (const name of readdirSync(tmpdir())) {
    const [, owner] = NAME.exec(name) ?? [];
    if (owner === undefined || isAlive(Number(owner))) continue;
    // What is another user's, or is being removed by another process, is for that one.
    await removeTrialFolder(join(tmpdir(), name)).catch(() => undefined);
  }
  return mkdtempSync(join(tmpdir(), `orlop-plugin-test-${process.pid}-`));
}

export async function removeTrialFolder(folder: string): Promise<void> {
  for (const kernel of readdirSync(folder)) await stopServer(join(folder, kernel, 'nats'));
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

/** What a kernel leaves that has no time to stop. */
async function stopServer(folder: string): Promise<void> {
  await stopOrphan(join(folder, 'nats-server.pid'), join(folder, 'nats-server.conf'));
  new Staging(storeDir(folder), lineLogger(console.error)).clear();
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
