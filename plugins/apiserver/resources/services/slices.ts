import { isIPv4, isIPv6 } from 'node:net';
import type { EndpointSlice, IPAddress } from 'orlop/plugin';
import { each, named, oneOf, same } from '../checks.ts';
import { duplicate, invalid, required, tooMany } from '../errors.ts';
import { IMMUTABLE } from '../metadata.ts';
import { dns1123Label, dns1123Subdomain } from '../names.ts';
import type { FieldError, Strategy } from '../types.ts';

const MAX_ENDPOINTS = 1000;
const MAX_ADDRESSES = 100;
const MAX_PORTS = 20_000;
const PROTOCOLS = ['TCP', 'UDP', 'SCTP'];

const ADDRESSES: Readonly<Record<string, (address: string) => string[]>> = {
  IPv4: (address) => (isIPv4(address) ? [] : ['must be an IPv4 address']),
  IPv6: (address) => (isIPv6(address) ? [] : ['must be an IPv6 address']),
  FQDN: dns1123Subdomain,
};

/** Source: kubernetes `pkg/apis/discovery/v1/defaults.go` and `pkg/apis/discovery/validation`. */
export const endpointSliceStrategy: Strategy<EndpointSlice> = {
  default({ ports }) {
    for (const port of ports ?? []) {
      port.name ??= '';
      port.protocol ??= 'TCP';
    }
  },
  validate: validateEndpointSlice,
  validateUpdate: (next, old) =>
    next.addressType === old.addressType ? [] : [invalid('addressType', next.addressType, IMMUTABLE)],
};

function validateEndpointSlice({ addressType, endpoints, ports }: EndpointSlice): FieldError[] {
  const errors = oneOf(addressType, 'addressType', Object.keys(ADDRESSES));
  const check = (Object.hasOwn(ADDRESSES, addressType) && ADDRESSES[addressType]) || (() => []);
  if ((endpoints ?? []).length > MAX_ENDPOINTS)
    errors.push(tooMany('endpoints', endpoints.length, MAX_ENDPOINTS));
  if ((ports ?? []).length > MAX_PORTS) errors.push(tooMany('ports', ports!.length, MAX_PORTS));
  const names = new Set<string>();
  return [
    ...errors,
    ...each(endpoints, 'endpoints', (endpoint, at) => validateAddresses(endpoint.addresses, at, check)),
    ...each(ports, 'ports', ({ name = '', protocol }, at) => {
      const wrong = oneOf(protocol, `${at}.protocol`, PROTOCOLS);
      if (name !== '') wrong.push(...named(name, `${at}.name`, dns1123Label));
      if (names.has(name)) wrong.push(duplicate(`${at}.name`, name));
      names.add(name);
      return wrong;
    }),
  ];
}

function validateAddresses(
  addresses: readonly string[] | undefined,
  field: string,
  check: (address: string) => string[],
): FieldError[] {
  const at = `${field}.addresses`;
  const count = addresses?.length ?? 0;
  if (count === 0) return [required(at, 'must contain at least 1 address')];
  return [
    ...(count > MAX_ADDRESSES ? [tooMany(at, count, MAX_ADDRESSES)] : []),
    ...each(addresses, at, (address, addressAt) => named(address, addressAt, check)),
  ];
}

/** Source: kubernetes `pkg/apis/networking/validation/validation.go`, ValidateIPAddress. */
export const ipAddressStrategy: Strategy<IPAddress> = {
  validateName: (name) =>
    isIPv4(name) || isIPv6(name)
      ? []
      : ['must be a valid IP address in canonical form, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
  validate({ spec }) {
    const { resource, name } = spec?.parentRef ?? {};
    if (!spec?.parentRef) return [required('spec.parentRef')];
    return [
      ...(resource ? [] : [required('spec.parentRef.resource')]),
      ...(name ? [] : [required('spec.parentRef.name')]),
    ];
  },
  validateUpdate(next, old) {
    const [after, before] = [next.spec?.parentRef, old.spec?.parentRef];
    return same(after, before) ? [] : [invalid('spec.parentRef', after, IMMUTABLE)];
  },
};
