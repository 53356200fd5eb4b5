import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { StatusError, type StatusReason } from '../contract/index.ts';

/** By error code: the reason, why, and what to do. */
const REFUSALS: Record<string, [reason: StatusReason, why: string, advice: string]> = {
  EADDRINUSE: ['Conflict', 'the address is in use', '; stop what uses it or configure another port'],
  EACCES: [
    'Forbidden',
    'not permitted',
    '; use a port above 1023 or run with the capability CAP_NET_BIND_SERVICE',
  ],
  EADDRNOTAVAIL: ['Invalid', 'this machine has no such address', ''],
  ENOTFOUND: ['Invalid', 'this machine has no such address', ''],
};

/** Why an address cannot be listened on, who holds it where that can be known, and what to do. */
export function listenError(
  error: { code?: string; message?: string },
  host: string,
  port: number,
  holder?: string,
): StatusError {
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const { code = '', message = code } = error;
  const [reason, why, advice] = REFUSALS[code] ?? ['InternalError', message, ''];
  const who = code === 'EADDRINUSE' ? (holder ?? holderOf(port)) : undefined;
  const text = `cannot listen on ${address}: ${why}${who === undefined ? '' : ` (${who})`}${advice}`;
  return new StatusError(reason, text, {}, { cause: error });
}

/** What Linux's /proc says; `otherwise` where there is none, or the process has ended meanwhile or is another user's. */
function read<T>(of: () => T, otherwise: T): T {
  try {
    return of();
  } catch {
    return otherwise;
  }
}

/** The process that listens on a TCP port, as far as Linux's /proc tells: `process 812 (nginx)`. */
function holderOf(port: number): string | undefined {
  const inodes = new Set([...listening('/proc/net/tcp', port), ...listening('/proc/net/tcp6', port)]);
  const pids = read(() => readdirSync('/proc'), []).filter((name) => /^\d+$/.test(name));
  const pid = pids.find((each) => descriptors(each).some((target) => inodes.has(target)));
  return pid && `process ${pid} (${read(() => readFileSync(`/proc/${pid}/comm`, 'utf8').trim(), 'unknown')})`;
}

/** `socket:[inode]` of each socket in state LISTEN (0A) on the port. */
function listening(table: string, port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return read(() => readFileSync(table, 'utf8'), '')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[1]?.endsWith(suffix) && fields[3] === '0A')
    .map((fields) => `socket:[${fields[9]}]`);
}

function descriptors(pid: string): string[] {
  const folder = `/proc/${pid}/fd`;
  return read(() => readdirSync(folder), []).map((fd) => read(() => readlinkSync(join(folder, fd)), ''));
}
