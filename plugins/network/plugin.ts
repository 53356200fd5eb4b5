import { type Context, type Instance, type Json, type PodAddress, PodNetwork, provide } from 'orlop/plugin';
import { formatAddress, formatCidr, parseCidr, sizeOf, subnet } from './cidr.ts';
import { claimRange } from './claim.ts';
import type { Config } from './config.ts';
import { AddressPool } from './pool.ts';
import { machineAddress } from './routes.ts';

/** Of the handover: the addresses that pods hold. */
const SCHEMA = 1;

export async function start(ctx: Context<Config>): Promise<Instance> {
  const { node } = ctx.kernel;
  if (node === undefined) ctx.skip('this kernel stands for no node');
  const claim = await claimRange(ctx, node, parseCidr(ctx.config.podCIDR));
  ctx.defer(() => claim.release());
  if (claim.unrouted !== undefined) {
    ctx.log.warn('pods that listen on this machine get addresses in 127/8, which containers cannot reach', {
      why: claim.unrouted,
      range: formatCidr(claim.local),
    });
  }
  const lower = subnet(claim.range, 25, 0);
  const gateway = lower.base + 1;
  const pool = new AddressPool({
    bridge: [gateway + 1, lower.base + sizeOf(25) - 2],
    // The last one is the claim's lock.
    local: [claim.local.base + 1, claim.local.base + sizeOf(claim.local.prefix) - 2],
  });
  if (ctx.inherited?.schema === SCHEMA) {
    const held = ctx.inherited.state as unknown as [string, PodAddress][];
    for (const [podUid, address] of held) pool.adopt(podUid, address);
  }
  const network: PodNetwork = {
    podCIDR: formatCidr(claim.range),
    bridge: { cidr: formatCidr(lower), gateway: formatAddress(gateway) },
    nodeIP: await machineAddress(),
    add: async (podUid, attachment) => pool.add(podUid, attachment),
    adopt: async (podUid, address) => pool.adopt(podUid, address),
    del: async (podUid) => pool.del(podUid),
  };
  return {
    provides: [provide(PodNetwork, network)],
    async drain() {
      await claim.yield();
      return { schema: SCHEMA, state: pool.held() as unknown as Json };
    },
    resume: () => claim.retake(),
  };
}
