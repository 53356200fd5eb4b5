import type { Socket } from 'node:net';
import {
  type Context,
  type Controller,
  controller,
  type Endpoint,
  eventRecorder,
  keyOf,
  type Listener,
  type Pick,
  parseKey,
  type Service,
  Services,
  source,
} from 'orlop/plugin';
import { Affinity } from './affinity.ts';
import { serveConnection } from './connection.ts';
import type { ServiceTable } from './table.ts';

const RETRY_MS = 30_000;

interface Open {
  listener: Listener;
  /** What it serves now; connections ask at their start. */
  port: number;
}

/** Listens on the cluster IP and node port of every Service port, and keeps that true as Services change. */
export async function serviceListeners(
  ctx: Context<{ nodePortAddress: string }>,
  table: ServiceTable,
): Promise<Controller & { sockets: ReadonlySet<Socket> }> {
  const open = new Map<string, Map<string, Open>>();
  const affinities = new Map<string, Affinity>();
  const refused = new Set<string>();
  const sockets = new Set<Socket>();
  const events = eventRecorder(ctx, 'loadbalancer', ctx.kernel.node);

  // Before start ends: at a swap the host hands over the addresses that were asked for by then.
  for (const { key } of (await ctx.objects.list(Services)).items) await reconcile(keyOf(key));
  const loop = controller(ctx, { sources: [source(ctx, Services)], reconcile });

  async function reconcile(key: string): Promise<{ after: number } | void> {
    const { namespace = '', name } = parseKey(key);
    const service = (await ctx.objects.get(Services, { namespace, name }, { revision: 0 }))?.value;
    const wanted = addresses(service, ctx.config.nodePortAddress);
    const mine = open.get(key) ?? new Map<string, Open>();
    for (const [address, { listener }] of mine) {
      if (wanted.has(address)) continue;
      mine.delete(address);
      await listener.close();
    }
    const affinity = affinities.get(key) ?? new Affinity();
    if (service) affinities.set(key, affinity);
    else affinities.delete(key);
    let failures = 0;
    for (const [address, { host, listen, port }] of wanted) {
      const held = mine.get(address);
      if (held) {
        held.port = port;
        continue;
      }
      try {
        const entry: Partial<Open> = { port };
        entry.listener = await ctx.listen({ host, port: listen }, (socket) =>
          serve(socket, key, entry.port!, affinity),
        );
        mine.set(address, entry as Open);
        refused.delete(address);
      } catch (error) {
        failures += 1;
        if (service && !refused.has(address)) complain(service, address, error);
        refused.add(address);
      }
    }
    if (mine.size > 0) open.set(key, mine);
    else open.delete(key);
    if (failures > 0) return { after: RETRY_MS };
  }

  function complain(service: Service, address: string, error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    ctx.log.warn(`cannot listen on ${address}; trying again every ${RETRY_MS / 1000} s`, { error: message });
    events.event(Services, service, {
      type: 'Warning',
      reason: 'FailedToListen',
      message: `Cannot listen on ${address}: ${message}`,
    });
  }

  function serve(socket: Socket, key: string, port: number, affinity: Affinity): void {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    const { namespace = '', name } = parseKey(key);
    const seconds = table.affinitySeconds(namespace, name);
    const client = socket.remoteAddress ?? '';
    const choose = (not: readonly Endpoint[]): Pick | undefined => {
      if (seconds === undefined) return table.pick(namespace, name, port, not);
      const now = Date.now();
      const last = not.length === 0 ? affinity.get(client, now) : undefined;
      const pick =
        (last && table.pickExactly(namespace, name, port, last)) ?? table.pick(namespace, name, port, not);
      if (pick) affinity.set(client, pick.endpoint, now + seconds * 1000, now);
      return pick;
    };
    serveConnection(socket, choose, ctx.log).catch((error: unknown) => {
      ctx.log.error(`a connection to Service ${keyOf({ namespace, name })} failed`, { error: String(error) });
      socket.destroy();
    });
  }

  return { ...loop, sockets };
}

interface Address {
  host: string;
  listen: number;
  /** The Service port it leads to. */
  port: number;
}

/** Where a Service is to be reached; nothing for headless and external ones. By address. */
export function addresses(service: Service | undefined, nodePortAddress: string): Map<string, Address> {
  const result = new Map<string, Address>();
  const { type, clusterIP, clusterIPs, ports = [] } = service?.spec ?? {};
  if (type === 'ExternalName') return result;
  const ips = (clusterIPs ?? [clusterIP]).filter((ip) => ip !== undefined && ip !== '' && ip !== 'None');
  for (const { port, nodePort, protocol = 'TCP' } of ports) {
    if (protocol !== 'TCP') continue;
    for (const ip of ips) result.set(`${ip}:${port}`, { host: ip!, listen: port, port });
    if (nodePort)
      result.set(`${nodePortAddress}:${nodePort}`, { host: nodePortAddress, listen: nodePort, port });
  }
  return result;
}
