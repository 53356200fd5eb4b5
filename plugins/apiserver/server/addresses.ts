import { hostname, networkInterfaces } from 'node:os';

/** The names and addresses under which clients reach this server: what its certificate is good for. */
export function serverHosts(address: string, serviceAddress: string, more: readonly string[]): string[] {
  const own = isAny(address) ? interfaceAddresses() : [address];
  return [
    ...new Set([
      'localhost',
      hostname(),
      'kubernetes',
      'kubernetes.default',
      'kubernetes.default.svc',
      'kubernetes.default.svc.cluster.local',
      '127.0.0.1',
      '::1',
      serviceAddress,
      ...own,
      ...more,
    ]),
  ];
}

/** The address that other machines and pods reach this server at, as far as that can be told. */
export function advertisedAddress(address: string): string {
  if (!isAny(address)) return address;
  return interfaceAddresses().find((each) => !each.includes(':') && !each.startsWith('127.')) ?? '127.0.0.1';
}

/** The first address of `10.96.0.0/16` is `10.96.0.1`. */
export function firstAddress(cidr: string): string {
  const [network = '', length = '32'] = cidr.split('/');
  const bits = network.split('.').reduce((value, octet) => value * 256 + Number(octet), 0);
  const size = 2 ** (32 - Number(length));
  const first = Math.floor(bits / size) * size + 1;
  return [24, 16, 8, 0].map((shift) => Math.floor(first / 2 ** shift) % 256).join('.');
}

function isAny(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}

function interfaceAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ address }) => !address.startsWith('fe80:'))
    .map(({ address }) => address);
}
