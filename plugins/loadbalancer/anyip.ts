import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Makes every cluster IP local to this machine (AnyIP), so that it can be listened on. Idempotent, and left in place at stop: other
 * instances on the machine may use it, and it does nothing by itself. Returns why it cannot be done, e.g. without CAP_NET_ADMIN.
 */
export async function routeServices(cidr: string): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'local routes exist on Linux only';
  try {
    await run('ip', ['route', 'replace', 'local', cidr, 'dev', 'lo']);
    return undefined;
  } catch (error) {
    const { stderr, message, code } = error as { stderr?: string; message: string; code?: string | number };
    return code === 'ENOENT' ? 'there is no `ip` command: install iproute2' : stderr?.trim() || message;
  }
}
