import { isIP } from 'node:net';
import type { EndpointsObject } from 'orlop/plugin';
import { each, named, oneOf, portNumber, requiredName } from '../checks.ts';
import { invalid, required } from '../errors.ts';
import { dns1123Label } from '../names.ts';
import type { FieldError, Strategy } from '../types.ts';

/** Source: kubernetes `pkg/apis/core/validation/validation.go`, ValidateEndpoints. */
export const endpointsStrategy: Strategy<EndpointsObject> = {
  allowCreateOnUpdate: true,
  default({ subsets }) {
    for (const { ports } of subsets ?? []) for (const port of ports ?? []) port.protocol ??= 'TCP';
  },
  validate: ({ subsets }) =>
    each(subsets, 'subsets', ({ addresses = [], notReadyAddresses = [], ports = [] }, at) => [
      ...(addresses.length + notReadyAddresses.length === 0
        ? [required(at, 'must specify `addresses` or `notReadyAddresses`')]
        : []),
      ...each(addresses, `${at}.addresses`, validateAddress),
      ...each(notReadyAddresses, `${at}.notReadyAddresses`, validateAddress),
      ...each(ports, `${at}.ports`, ({ name, port, protocol }, portAt) => [
        ...(ports.length > 1 ? requiredName(name, `${portAt}.name`, dns1123Label) : []),
        ...(ports.length === 1 && name ? named(name, `${portAt}.name`, dns1123Label) : []),
        ...portNumber(port, `${portAt}.port`),
        ...oneOf(protocol, `${portAt}.protocol`, ['SCTP', 'TCP', 'UDP']),
      ]),
    ]),
};

function validateAddress({ ip = '', hostname }: { ip: string; hostname?: string }, at: string): FieldError[] {
  const errors = hostname ? named(hostname, `${at}.hostname`, dns1123Label) : [];
  if (isIP(ip) === 0) {
    errors.push(invalid(`${at}.ip`, ip, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'));
  }
  return errors;
}
