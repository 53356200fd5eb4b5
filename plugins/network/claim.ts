import { createServer, type Server } from 'node:net';
import { type Context, IPAddresses, isStatus, StatusError } from 'orlop/plugin';
import { type Cidr, formatAddress, formatCidr, overlap, sizeOf, subnet } from './cidr.ts';
import { addLocalRoute, removeLocalRoute, routedRanges } from './routes.ts';

const NODE_PREFIX = 24;
const LOCK_PORT = 10_244;
const LOOPBACK_POOL = 0x7ff4_0000; // 127.244.0.0

/** A node's share of the pod range. */
export interface Claim {
  /** The /24. */
  range: Cidr;
  /** Where pods of attachment `local` have their addresses: the upper half, or without the power to route it a /24 of 127/8. */
  local: Cidr;
  /** Why `local` is in 127/8; `undefined` when it is not. */
  unrouted: string | undefined;
  /** Ends it. */
  release(): Promise<void>;
}

/**
 * Takes a /24 for the node. Race-free in the cluster by an IPAddress object that bears the range's first address, and on the
 * machine (where other clusters may run) by a listening socket on the local half's last address. A node that comes back
 * gets what it had.
 */
export async function claimRange(
  ctx: Pick<Context, 'objects' | 'log'>,
  node: string,
  cluster: Cidr,
): Promise<Claim> {
  const taken = (await ctx.objects.list(IPAddresses)).items.map(({ value }) => ({
    name: value.metadata?.name ?? '',
    node: value.spec?.parentRef?.resource === 'nodes' ? value.spec.parentRef.name : undefined,
  }));
  const count = sizeOf(cluster.prefix) / sizeOf(NODE_PREFIX);
  const ranges = Array.from({ length: count }, (_, index) => subnet(cluster, NODE_PREFIX, index));
  const named = (range: Cidr) => taken.find(({ name }) => name === formatAddress(range.base));

  for (const range of ranges) {
    if (named(range)?.node !== node) continue;
    const claim = await hold(range, (range.base - cluster.base) / sizeOf(NODE_PREFIX));
    if (claim) return claim;
    ctx.log.warn("another cluster on this machine uses this node's pod range; taking another", {
      range: formatAddress(range.base),
    });
    await ctx.objects.delete(IPAddresses, { name: formatAddress(range.base) });
  }

  const routed = await routedRanges();
  for (const range of ranges) {
    if (named(range) || routed.some((each) => overlap(each, range))) continue;
    const claim = await hold(range, (range.base - cluster.base) / sizeOf(NODE_PREFIX));
    if (!claim) continue;
    if (await register(ctx, node, range)) return claim;
    await claim.release();
  }
  const across = routed.find((each) => each.prefix <= cluster.prefix && overlap(each, cluster));
  throw new StatusError(
    'ServiceUnavailable',
    across
      ? `no /24 of the pod range ${formatCidr(cluster)} is free for node ${node}: this machine routes ${formatCidr(across)} elsewhere; ` +
          'configure another podCIDR, or remove that route (`ip route show table all`)'
      : `no /24 of the pod range ${formatCidr(cluster)} is left for node ${node}: delete the IPAddress objects of nodes that are gone ` +
          '(`kubectl get ipaddresses`), or configure a larger podCIDR',
  );
}

async function register(ctx: Pick<Context, 'objects'>, node: string, range: Cidr): Promise<boolean> {
  try {
    await ctx.objects.create(IPAddresses, {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'IPAddress',
      metadata: { name: formatAddress(range.base) },
      spec: { parentRef: { group: '', resource: 'nodes', namespace: '', name: node } },
    });
    return true;
  } catch (error) {
    if (isStatus(error, 'AlreadyExists')) return false;
    throw error;
  }
}

/** `undefined`: another process on this machine holds it. */
async function hold(range: Cidr, index: number): Promise<Claim | undefined> {
  const upper = subnet(range, NODE_PREFIX + 1, 1);
  const unrouted = await addLocalRoute(upper);
  const local =
    unrouted === undefined
      ? upper
      : { base: LOOPBACK_POOL + index * sizeOf(NODE_PREFIX), prefix: NODE_PREFIX };
  const address = formatAddress(local.base + sizeOf(local.prefix) - 1);
  const lock = await listen(address);
  if (!lock) return undefined;
  return {
    range,
    local,
    unrouted,
    async release() {
      if (!lock.listening) return;
      if (unrouted === undefined) await removeLocalRoute(upper);
      await new Promise((resolve) => lock.close(resolve));
    },
  };
}

async function listen(host: string): Promise<Server | undefined> {
  const server = createServer((socket) => socket.destroy());
  server.unref();
  return await new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
    );
    server.listen(LOCK_PORT, host, () => resolve(server));
  });
}
