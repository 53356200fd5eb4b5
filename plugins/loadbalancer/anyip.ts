import { execFile } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** UDP, of the range's last address. */
const HOLD_PORT = 10_245;
const ATTEMPTS = 50;
const PAUSE_MS = 20;

/** That every cluster IP is local to this machine (AnyIP), so that it can be listened on. */
export interface ServiceRoute {
  /** Why it cannot be made so, e.g. without CAP_NET_ADMIN. */
  readonly refusal: string | undefined;
  /** Who lets go last on this machine removes it; `keep`: for a successor. Rejects when it cannot be removed. */
  release(keep: boolean): Promise<void>;
}

/**
 * Makes the route, or shares it with other clusters of this machine that have the same range. Who does holds a socket with `SO_REUSEADDR`, and
 * who removes the route one without, meanwhile: the one cannot be had while there is the other, and both end with their process.
 */
export async function routeServices(cidr: string): Promise<ServiceRoute> {
  const address = lastAddress(cidr);
  for (let left = ATTEMPTS; ; left -= 1) {
    const refusal = await ip('replace', cidr);
    const held = await bind(address, true);
    if (held) {
      // Until now it may have been removed, and the address be local by another route.
      await ip('replace', cidr);
      return { refusal, release: (keep) => release(held, keep ? undefined : cidr) };
    }
    // It is being removed; or somebody else has the port, and then it stays.
    if (refusal !== undefined || left === 0) return { refusal, release: async () => {} };
    await sleep(PAUSE_MS);
  }
}

async function release(held: Socket, remove: string | undefined): Promise<void> {
  await close(held);
  if (remove === undefined) return;
  const alone = await bind(lastAddress(remove), false);
  if (!alone) return;
  const refusal = await ip('del', remove);
  await close(alone);
  if (refusal !== undefined && !refusal.includes('No such process')) throw new Error(refusal);
}

async function ip(what: 'replace' | 'del', cidr: string): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'local routes exist on Linux only';
  try {
    await run('ip', ['route', what, 'local', cidr, 'dev', 'lo']);
    return undefined;
  } catch (error) {
    const { stderr, message, code } = error as { stderr?: string; message: string; code?: string | number };
    return code === 'ENOENT' ? 'there is no `ip` command: install iproute2' : stderr?.trim() || message;
  }
}

/** `undefined`: the port is somebody's, or the address is not local. */
function bind(address: string, reuseAddr: boolean): Promise<Socket | undefined> {
  const socket = createSocket({ type: 'udp4', reuseAddr });
  return new Promise((resolve) => {
    socket.once('error', () => {
      socket.close();
      resolve(undefined);
    });
    socket.bind(HOLD_PORT, address, () => resolve(socket.unref()));
  });
}

function close(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.close(() => resolve());
  });
}

/** That of `10.96.0.0/16` is `10.96.255.255`. */
function lastAddress(cidr: string): string {
  const [network = '', prefix = '32'] = cidr.split('/');
  const bits = 32 - Number(prefix);
  const base = network.split('.').reduce((value, octet) => value * 256 + Number(octet), 0);
  const last = (Math.floor(base / 2 ** bits) + 1) * 2 ** bits - 1;
  return [24, 16, 8, 0].map((shift) => Math.floor(last / 2 ** shift) % 256).join('.');
}
