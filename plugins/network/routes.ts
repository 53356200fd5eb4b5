import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { promisify } from 'node:util';
import { type Cidr, formatCidr, parseCidr } from './cidr.ts';

const run = promisify(execFile);

/** What `ip` said when it refused. */
function refusal(error: unknown): string {
  const { stderr, message, code } = error as { stderr?: string; message: string; code?: string | number };
  if (code === 'ENOENT') return 'there is no `ip` command: install iproute2';
  return stderr?.trim() || message;
}

/**
 * Makes every address of the range local to this machine (AnyIP): any of them can be bound. Idempotent. Returns why it cannot be done,
 * e.g. without CAP_NET_ADMIN.
 */
export async function addLocalRoute(range: Cidr): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'local routes exist on Linux only';
  try {
    await run('ip', ['route', 'replace', 'local', formatCidr(range), 'dev', 'lo']);
    return undefined;
  } catch (error) {
    return refusal(error);
  }
}

/** Idempotent. */
export async function removeLocalRoute(range: Cidr): Promise<void> {
  try {
    await run('ip', ['route', 'del', 'local', formatCidr(range), 'dev', 'lo']);
  } catch (error) {
    if (!refusal(error).includes('No such process')) throw error;
  }
}

/** The ranges this machine already routes, the default route left out. Empty where that is not to be known. */
export async function routedRanges(): Promise<Cidr[]> {
  try {
    const { stdout } = await run('ip', ['-4', '-j', 'route', 'show', 'table', 'all']);
    const routes = JSON.parse(stdout) as { dst: string }[];
    return routes
      .filter(({ dst }) => dst !== 'default')
      .map(({ dst }) => parseCidr(dst.includes('/') ? dst : `${dst}/32`));
  } catch {
    return [];
  }
}

/** The address this machine reaches others from; connecting a datagram socket asks the routing table and sends nothing. */
export async function machineAddress(): Promise<string> {
  const socket = createSocket('udp4');
  try {
    socket.connect(53, '198.51.100.1');
    await once(socket, 'connect');
    return socket.address().address;
  } catch {
    const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
    return all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1';
  } finally {
    socket.close();
  }
}
