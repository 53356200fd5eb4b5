import { isIPv4 } from 'node:net';

/** A range of IPv4 addresses, as numbers. */
export interface AddressRange {
  /** The first that is handed out. */
  readonly first: number;
  readonly last: number;
  readonly cidr: string;
}

/** The usable addresses of a CIDR: without the network's own and the broadcast address. */
export function addressRange(cidr: string): AddressRange {
  const [address = '', bits = ''] = cidr.split('/');
  const length = Number(bits);
  if (!isIPv4(address) || !/^\d+$/.test(bits) || length > 30 || length < 8) {
    throw new RangeError(`"${cidr}" is not an IPv4 range between /8 and /30`);
  }
  const size = 2 ** (32 - length);
  const start = toNumber(address) - (toNumber(address) % size);
  return { first: start + 1, last: start + size - 2, cidr };
}

export function toNumber(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

export function toAddress(value: number): string {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');
}

export function inRange(range: AddressRange, address: string): boolean {
  const value = toNumber(address);
  return value >= range.first && value <= range.last;
}

/**
 * Where dynamic allocation begins: the start of a range is left to addresses that users choose.
 * Source: KEP-3070, `min(max(16, size/16), 256)`.
 */
export function dynamicStart({ first, last }: AddressRange): number {
  const size = last - first + 1;
  const reserved = Math.min(Math.max(16, Math.floor(size / 16)), 256);
  return reserved < size ? first + reserved : first;
}
