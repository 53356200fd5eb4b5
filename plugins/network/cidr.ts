import { isIPv4 } from 'node:net';
import { StatusError } from 'orlop/plugin';

/** An IPv4 range. Addresses are unsigned 32-bit numbers. */
export interface Cidr {
  readonly base: number;
  readonly prefix: number;
}

/** Throws `BadRequest`. */
export function parseCidr(text: string): Cidr {
  const [address = '', length = ''] = text.split('/');
  const prefix = Number(length);
  if (!isIPv4(address) || length === '' || !Number.isInteger(prefix) || prefix < 0 || prefix > 32) {
    throw new StatusError('BadRequest', `"${text}" is not an IPv4 range like 10.244.0.0/16`);
  }
  const base = parseAddress(address);
  if (base % sizeOf(prefix) !== 0) {
    throw new StatusError('BadRequest', `"${text}" has bits set beyond its prefix`);
  }
  return { base, prefix };
}

export function formatCidr({ base, prefix }: Cidr): string {
  return `${formatAddress(base)}/${prefix}`;
}

export function parseAddress(text: string): number {
  return text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

export function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
}

/** How many addresses a prefix length spans. */
export function sizeOf(prefix: number): number {
  return 2 ** (32 - prefix);
}

export function overlap(a: Cidr, b: Cidr): boolean {
  return a.base < b.base + sizeOf(b.prefix) && b.base < a.base + sizeOf(a.prefix);
}

/** The `index`th range of length `prefix` within `cidr`. */
export function subnet(cidr: Cidr, prefix: number, index: number): Cidr {
  return { base: cidr.base + index * sizeOf(prefix), prefix };
}
