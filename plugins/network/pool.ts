import { type Attachment, type PodAddress, StatusError } from 'orlop/plugin';
import { formatAddress, parseAddress } from './cidr.ts';

/** First and last address, both included. */
export type Span = readonly [first: number, last: number];

/** Which pod holds which address. An address that becomes free is given out again after all others. */
export class AddressPool {
  readonly #free: Record<Attachment, Set<number>>;
  readonly #spans: Record<Attachment, Span>;
  readonly #held = new Map<string, PodAddress>();

  constructor(spans: Record<Attachment, Span>) {
    this.#spans = spans;
    this.#free = { bridge: all(spans.bridge), local: all(spans.local) };
  }

  add(podUid: string, attachment: Attachment): PodAddress {
    const held = this.#held.get(podUid);
    if (held) return held;
    const free = this.#free[attachment];
    const [next] = free;
    if (next === undefined) {
      throw new StatusError(
        'ServiceUnavailable',
        `no pod address of attachment ${attachment} is free on this node: delete pods, or move some to another node`,
      );
    }
    free.delete(next);
    const address = { ip: formatAddress(next), attachment };
    this.#held.set(podUid, address);
    return address;
  }

  adopt(podUid: string, address: PodAddress): void {
    this.#free[address.attachment].delete(parseAddress(address.ip));
    this.#held.set(podUid, address);
  }

  /** All that is held, for a successor. */
  held(): [podUid: string, address: PodAddress][] {
    return [...this.#held];
  }

  del(podUid: string): void {
    const held = this.#held.get(podUid);
    if (!held) return;
    this.#held.delete(podUid);
    const address = parseAddress(held.ip);
    const [first, last] = this.#spans[held.attachment];
    // One adopted from another range, which this node had before, does not come back.
    if (address >= first && address <= last) this.#free[held.attachment].add(address);
  }
}

function all([first, last]: Span): Set<number> {
  return new Set(Array.from({ length: last - first + 1 }, (_, index) => first + index));
}
