import { definePlugin, Lasting, PodNetwork, provide, StatusError } from 'orlop/plugin';

/** @import { Attachment, PodAddress } from 'orlop/plugin' */

/** Of what an instance shares with its successor. */
const SCHEMA = 1;

/** @typedef {{ held: Map<string, PodAddress>, next: number }} Addresses Who has which, by pod, and where to look for the next. */

/** Addresses of 10.99.1.0 to 10.99.254.255, on one node, without routes. @implements {PodNetwork} */
export class FixedNetwork {
  podCIDR = '10.99.0.0/16';
  bridge = { cidr: '10.99.0.0/16', gateway: '10.99.0.1' };
  nodeIP = '127.0.0.1';
  #addresses;

  /** @param {Addresses} [addresses] */
  constructor(addresses = { held: new Map(), next: 0 }) {
    this.#addresses = addresses;
  }

  /** @param {string} podUid @param {Attachment} attachment */
  async add(podUid, attachment) {
    const addresses = this.#addresses;
    const known = addresses.held.get(podUid);
    if (known) return known;
    const taken = new Set([...addresses.held.values()].map(({ ip }) => ip));
    for (let tries = 0; tries < 254 * 256; tries++) {
      // On and on through the range: one given up is given out again as late as possible.
      const ip = `10.99.${1 + ((addresses.next >> 8) % 254)}.${addresses.next & 255}`;
      addresses.next = (addresses.next + 1) % (254 * 256);
      if (taken.has(ip)) continue;
      const address = { ip, attachment };
      addresses.held.set(podUid, address);
      return address;
    }
    throw new StatusError('ServiceUnavailable', `no address of ${this.podCIDR} is free: delete pods`);
  }

  /** @param {string} podUid @param {PodAddress} address */
  async adopt(podUid, address) {
    this.#addresses.held.set(podUid, address);
  }

  /** @param {string} podUid */
  async del(podUid) {
    this.#addresses.held.delete(podUid);
  }
}

export default definePlugin({
  name: 'my-plugin',
  kind: 'network.v1',
  version: '0.1.0',
  description: 'Addresses of 10.99.0.0/16, on one node, without routes.',
  provides: [PodNetwork],
  start({ inherited, defer }) {
    /** @type {Lasting<Addresses> | undefined} */
    const before = inherited?.schema === SCHEMA ? Lasting.take(inherited.state) : undefined;
    const addresses = before ?? new Lasting({ held: new Map(), next: 0 });
    defer(() => void addresses.release());
    return {
      provides: [provide(PodNetwork, new FixedNetwork(addresses.value))],
      // At a swap the pods live on, and both instances are asked until it is decided: they share who has what.
      drain: () => ({ schema: SCHEMA, state: addresses.offer() }),
      resume: () => addresses.withdraw(),
    };
  },
});
