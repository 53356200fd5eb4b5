import { definePlugin, PodNetwork, provide, StatusError } from 'orlop/plugin';

/** @import { Attachment, PodAddress } from 'orlop/plugin' */

/** Of what an instance leaves to its successor. */
const SCHEMA = 1;

/** Addresses of 10.99.1.0 to 10.99.254.255, on one node, without routes. @implements {PodNetwork} */
export class FixedNetwork {
  podCIDR = '10.99.0.0/16';
  bridge = { cidr: '10.99.0.0/16', gateway: '10.99.0.1' };
  nodeIP = '127.0.0.1';
  /** By pod. @type {Map<string, PodAddress>} */
  #held;
  #next;

  /** @param {{ held: [string, PodAddress][], next: number }} [state] of the instance before */
  constructor({ held, next } = { held: [], next: 0 }) {
    this.#held = new Map(held);
    this.#next = next;
  }

  get state() {
    return { held: [...this.#held], next: this.#next };
  }

  /** @param {string} podUid @param {Attachment} attachment */
  async add(podUid, attachment) {
    const known = this.#held.get(podUid);
    if (known) return known;
    const taken = new Set([...this.#held.values()].map(({ ip }) => ip));
    for (let tries = 0; tries < 254 * 256; tries++) {
      // On and on through the range: one given up is given out again as late as possible.
      const ip = `10.99.${1 + ((this.#next >> 8) % 254)}.${this.#next & 255}`;
      this.#next = (this.#next + 1) % (254 * 256);
      if (taken.has(ip)) continue;
      const address = { ip, attachment };
      this.#held.set(podUid, address);
      return address;
    }
    throw new StatusError('ServiceUnavailable', `no address of ${this.podCIDR} is free: delete pods`);
  }

  /** @param {string} podUid @param {PodAddress} address */
  async adopt(podUid, address) {
    this.#held.set(podUid, address);
  }

  /** @param {string} podUid */
  async del(podUid) {
    this.#held.delete(podUid);
  }
}

export default definePlugin({
  name: 'my-plugin',
  kind: 'network.v1',
  version: '0.1.0',
  description: 'Addresses of 10.99.0.0/16, on one node, without routes.',
  provides: [PodNetwork],
  start({ inherited }) {
    const network = new FixedNetwork(
      inherited?.schema === SCHEMA ? /** @type {any} */ (inherited.state) : undefined,
    );
    return {
      provides: [provide(PodNetwork, network)],
      // At a swap: the pods live on, and their addresses are theirs.
      drain: () => ({ schema: SCHEMA, state: /** @type {any} */ (network.state) }),
    };
  },
});
