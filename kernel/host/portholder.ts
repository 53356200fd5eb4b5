import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { StatusError } from '../contract/index.ts';

/** Why an address cannot be listened on, who holds it where that can be known, and what to do. */
export function listenError(
  error: { code?: string; message?: string },
  host: string,
  port: number,
  holder?: string,
): StatusError {
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const cause = { cause: error };
  switch (error.code) {
    case 'EADDRINUSE': {
      const who = holder ?? holderOf(port);
      const text = `cannot listen on ${address}: the address is in use${who === undefined ? '' : ` (${who})`}`;
      return new StatusError('Conflict', `${text}; stop what uses it or configure another port`, {}, cause);
    }
    case 'EACCES':
      return new StatusError(
        'Forbidden',
        `cannot listen on ${address}: not permitted; use a port above 1023 or run with the capability CAP_NET_BIND_SERVICE`,
        {},
        cause,
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new StatusError(
        'Invalid',
        `cannot listen on ${address}: this machine has no such address`,
        {},
        cause,
      );
    default:
      return new StatusError(
        'InternalError',
        `cannot listen on ${address}: ${error.message ?? error.code}`,
        {},
        cause,
      );
  }
}

/** The process that listens on a TCP port, as far as Linux's /proc tells: `process 812 (nginx)`. */
function holderOf(port: number): string | undefined {
  try {
    const inodes = new Set([...listening('/proc/net/tcp', port), ...listening('/proc/net/tcp6', port)]);
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      if (descriptors(pid).some((target) => inodes.has(target))) {
        return `process ${pid} (${readFileSync(`/proc/${pid}/comm`, 'utf8').trim()})`;
      }
    }
  } catch {
    // Not Linux, or a process that ended meanwhile: the message does without.
  }
  return undefined;
}

/** `socket:[inode]` of each socket in state LISTEN (0A) on the port. */
function listening(table: string, port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return readFileSync(table, 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[1]?.endsWith(suffix) && fields[3] === '0A')
    .map((fields) => `socket:[${fields[9]}]`);
}

function descriptors(pid: string): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`);
      } catch {
        return '';
      }
    });
  } catch {
    return [];
  }
}
