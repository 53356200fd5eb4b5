import { randomUUID } from 'node:crypto';
import { BlockList, isIPv4 } from 'node:net';
import type { PodNetwork } from 'orlop/plugin';
import type { Checks } from './checks.ts';

export interface NetworkFixture {
  network: PodNetwork;
}

/** The suite every plugin of kind `network.v1` passes. */
export async function networkConformance(
  t: Checks,
  name: string,
  make: (t: Checks) => Promise<NetworkFixture>,
): Promise<void> {
  await t.test(`${name}: conformance to network.v1`, async (t) => {
    const { network } = await make(t);
    const { bridge, podCIDR, nodeIP } = network;
    t.ok(isIPv4(nodeIP), 'the node has an address');
    t.ok(contains(podCIDR, bridge.gateway), "the bridge's gateway is in the node's range");
    t.ok(contains(bridge.cidr, bridge.gateway), "and in the bridge's");
    for (const attachment of ['bridge', 'local'] as const) {
      const pods = Array.from({ length: 10 }, () => randomUUID());
      const found = await Promise.all(pods.map((pod) => network.add(pod, attachment)));
      const ips = found.map(({ ip }) => ip);
      t.equal(new Set(ips).size, pods.length, `${attachment}: each pod has an address of its own`);
      t.ok(
        found.every((each) => each.attachment === attachment && isIPv4(each.ip)),
        'attached as asked',
      );
      if (attachment === 'bridge') {
        t.ok(
          ips.every((ip) => contains(bridge.cidr, ip) && ip !== bridge.gateway),
          "in the bridge's range",
        );
      }
      t.same(await network.add(pods[0]!, attachment), found[0], 'and keeps it');
      await network.del(pods[0]!);
      await network.del(pods[0]!);
      t.not(
        (await network.add(randomUUID(), attachment)).ip,
        ips[0],
        'one given up is not given out at once',
      );
      await network.adopt(pods[0]!, found[0]!);
      t.same(await network.add(pods[0]!, attachment), found[0], 'a pod that lives on keeps what it has');
      for (const pod of pods) await network.del(pod);
    }
    await network.del(randomUUID());
    t.pass('a pod without an address can be deleted');
  });
}

function contains(cidr: string, ip: string): boolean {
  const [base, prefix] = cidr.split('/');
  const list = new BlockList();
  list.addSubnet(base!, Number(prefix));
  return list.check(ip);
}
