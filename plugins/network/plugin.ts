import {
  type Context,
  type Instance,
  type Json,
  Lasting,
  type PodAddress,
  PodNetwork,
  provide,
} from 'orlop/plugin';
import { type Cidr, formatAddress, formatCidr, overlap, parseCidr, sizeOf, subnet } from './cidr.ts';
import { type Claim, claimRange } from './claim.ts';
import type { Config } from './config.ts';
import { AddressPool } from './pool.ts';
import { machineAddress } from './routes.ts';

/** Of the handover. */
const SCHEMA = 2;

interface State {
  /** To the node's addresses, for a successor that shares them: its predecessor gives some out until the flip. */
  ticket: string;
  /** The addresses that pods hold, for one that does not. */
  held: [podUid: string, address: PodAddress][];
}

/** Of this node. They outlive the plugin's instance. */
interface Addresses {
  claim: Claim;
  pool: AddressPool;
}

export async function start(ctx: Context<Config>): Promise<Instance> {
  const { node } = ctx.kernel;
  if (node === undefined) ctx.skip('this kernel stands for no node');
  const cluster = parseCidr(ctx.config.podCIDR);
  const inherited = ctx.inherited?.schema === SCHEMA ? (ctx.inherited.state as unknown as State) : undefined;
  const shared = take(inherited?.ticket, cluster);
  const lasting = shared ?? new Lasting(addressesOf(await claimRange(ctx, node, cluster)));
  const { claim, pool } = lasting.value;
  ctx.defer(async () => {
    if (lasting.release()) await claim.release();
  });
  if (claim.unrouted !== undefined) {
    ctx.log.warn('pods that listen on this machine get addresses in 127/8, which containers cannot reach', {
      why: claim.unrouted,
      range: formatCidr(claim.local),
    });
  }
  if (!shared) for (const [podUid, address] of inherited?.held ?? []) pool.adopt(podUid, address);
  const lower = subnet(claim.range, 25, 0);
  const network: PodNetwork = {
    podCIDR: formatCidr(claim.range),
    bridge: { cidr: formatCidr(lower), gateway: formatAddress(lower.base + 1) },
    nodeIP: await machineAddress(),
    add: async (podUid, attachment) => pool.add(podUid, attachment),
    adopt: async (podUid, address) => pool.adopt(podUid, address),
    del: async (podUid) => pool.del(podUid),
  };
  return {
    provides: [provide(PodNetwork, network)],
    drain: () => ({
      schema: SCHEMA,
      state: { ticket: lasting.offer(), held: pool.held() } as unknown as Json,
    }),
    resume: () => lasting.withdraw(),
  };
}

/** Undefined: there is nothing to share, or it is not of the range that is configured now. */
function take(ticket: string | undefined, cluster: Cidr): Lasting<Addresses> | undefined {
  const lasting = Lasting.take<Addresses>(ticket);
  if (!lasting || overlap(lasting.value.claim.range, cluster)) return lasting;
  lasting.release();
  return undefined;
}

function addressesOf(claim: Claim): Addresses {
  const { base } = subnet(claim.range, 25, 0);
  const pool = new AddressPool({
    // Its first address is the gateway's.
    bridge: [base + 2, base + sizeOf(25) - 2],
    // The last one is the claim's lock.
    local: [claim.local.base + 1, claim.local.base + sizeOf(claim.local.prefix) - 2],
  });
  return { claim, pool };
}
