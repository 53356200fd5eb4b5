import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { isIP, isIPv6 } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import { UsageError } from '../command.ts';

/** Where an embedded NATS server listens for others. */
export interface Place {
  /** An address or a name of this machine, or `0.0.0.0` or `::`: all its addresses. */
  host: string;
  port: number;
}

/** That of NATS. Not a free one: nodes must find the server again after a restart. */
const PORT = 4222;

/** `HOST`, `HOST:PORT` or `[ADDRESS]:PORT`. */
export function parseListen(text: string): Place {
  const bare = isIPv6(text) ? `[${text}]` : text;
  const url = URL.canParse(`tcp://${bare}`) ? new URL(`tcp://${bare}`) : undefined;
  // Nothing but these: no user, path or query.
  if (!url?.hostname || (url.host !== bare.toLowerCase() && url.hostname !== bare) || url.port === '0')
    throw new UsageError(`--nats-listen ${text} is not of the form HOST or HOST:PORT, e.g. 0.0.0.0:4222.`);
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || PORT) };
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d+){3}$/.test(host);
}

/** All names and addresses by which this machine may be reached, and `host`. */
export function namesOf(host: string): string[] {
  const addresses = Object.values(networkInterfaces())
    .flatMap((each) => each ?? [])
    .filter(({ internal, address }) => !internal && !address.startsWith('fe80:'))
    .map(({ address }) => address);
  const own = isAny(host) ? [] : [host];
  return [...new Set(['localhost', '127.0.0.1', hostname().toLowerCase(), ...own, ...addresses])];
}

/** Where others reach a server that listens at `host`: there, or at the address this machine has towards the rest of the network. */
export async function reachedAt(host: string): Promise<string> {
  if (!isAny(host)) return host;
  const names = namesOf(host);
  const external = names.filter((name) => isIP(name) && !isLoopback(name));
  return (await towardsOthers()) ?? external[0] ?? hostname();
}

function isAny(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

/** By asking the routes for the way to a documentation address (RFC 5737): nothing is sent. */
async function towardsOthers(): Promise<string | undefined> {
  const socket = createSocket('udp4');
  try {
    socket.connect(9, '192.0.2.1');
    await once(socket, 'connect');
    return socket.address().address;
  } catch {
    return undefined;
  } finally {
    socket.close();
  }
}
