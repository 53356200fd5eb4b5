import { BlockList, isIP } from 'node:net';
import type { NetworkPolicy, ServiceCIDR } from 'orlop/plugin';
import { each, named, oneOf, portNumber, same } from '../checks.ts';
import { forbidden, invalid, required } from '../errors.ts';
import { portName } from '../names.ts';
import { validateLabelSelector } from '../selectors.ts';
import type { FieldError, Strategy } from '../types.ts';

type Spec = NonNullable<NetworkPolicy['spec']>;
type Port = NonNullable<NonNullable<Spec['ingress']>[number]['ports']>[number];
type Peer = NonNullable<NonNullable<Spec['ingress']>[number]['from']>[number];

/** Source: kubernetes `pkg/apis/networking/v1/defaults.go` and `pkg/apis/networking/validation/validation.go`. */
export const networkPolicyStrategy: Strategy<NetworkPolicy> = {
  default({ spec }) {
    if (!spec) return;
    spec.podSelector ??= {};
    if ((spec.policyTypes ?? []).length === 0) {
      spec.policyTypes = ['Ingress', ...((spec.egress ?? []).length > 0 ? ['Egress'] : [])];
    }
    for (const { ports } of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) {
      for (const port of ports ?? []) port.protocol ??= 'TCP';
    }
  },
  validate({ spec }) {
    const { podSelector, ingress, egress, policyTypes = [] } = spec ?? {};
    return [
      ...(podSelector ? validateLabelSelector(podSelector, 'spec.podSelector') : []),
      ...each(ingress, 'spec.ingress', ({ ports, from }, at) => [
        ...each(ports, `${at}.ports`, validatePort),
        ...each(from, `${at}.from`, validatePeer),
      ]),
      ...each(egress, 'spec.egress', ({ ports, to }, at) => [
        ...each(ports, `${at}.ports`, validatePort),
        ...each(to, `${at}.to`, validatePeer),
      ]),
      ...(policyTypes.length > 2
        ? [invalid('spec.policyTypes', policyTypes, 'may not specify more than two policyTypes')]
        : each(policyTypes, 'spec.policyTypes', (type, at) => oneOf(type, at, ['Egress', 'Ingress']))),
    ];
  },
};

function validatePort({ port, protocol, endPort }: Port, field: string): FieldError[] {
  const errors = oneOf(protocol, `${field}.protocol`, ['SCTP', 'TCP', 'UDP']);
  if (typeof port === 'string') errors.push(...named(port, `${field}.port`, portName));
  else if (port !== undefined) errors.push(...portNumber(port, `${field}.port`));
  if (endPort === undefined) return errors;
  if (port === undefined)
    errors.push(required(`${field}.port`, 'must be specified when `endPort` is specified'));
  else if (typeof port === 'string') {
    errors.push(required(`${field}.port`, 'must be numeric when `endPort` is specified'));
  } else if (endPort < port) {
    errors.push(invalid(`${field}.endPort`, endPort, 'must be greater than or equal to `port`'));
  }
  return [...errors, ...portNumber(endPort, `${field}.endPort`)];
}

function validatePeer({ podSelector, namespaceSelector, ipBlock }: Peer, field: string): FieldError[] {
  if (!podSelector && !namespaceSelector && !ipBlock) return [required(field, 'must specify a peer')];
  if (ipBlock && (podSelector || namespaceSelector)) {
    return [forbidden(field, 'may not specify both ipBlock and another peer')];
  }
  return [
    ...(podSelector ? validateLabelSelector(podSelector, `${field}.podSelector`) : []),
    ...(namespaceSelector ? validateLabelSelector(namespaceSelector, `${field}.namespaceSelector`) : []),
    ...(ipBlock ? validateBlock(ipBlock, `${field}.ipBlock`) : []),
  ];
}

function validateBlock({ cidr, except }: NonNullable<Peer['ipBlock']>, field: string): FieldError[] {
  if (!cidr) return [required(`${field}.cidr`)];
  const errors = validateCidr(cidr, `${field}.cidr`);
  if (errors.length > 0) return errors;
  const block = blockOf(cidr);
  return each(except, `${field}.except`, (inner, at) => {
    const wrong = validateCidr(inner, at);
    if (wrong.length > 0) return wrong;
    const [address = '', bits] = inner.split('/');
    return block.check(address, familyOf(address)) && Number(bits) > Number(cidr.split('/')[1])
      ? []
      : [invalid(at, inner, 'must be a strict subset of `cidr`')];
  });
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}

function blockOf(cidr: string): BlockList {
  const [address = '', bits] = cidr.split('/');
  const block = new BlockList();
  block.addSubnet(address, Number(bits), familyOf(address));
  return block;
}

function validateCidr(cidr: string, field: string): FieldError[] {
  const [address = '', bits = '', ...rest] = cidr.split('/');
  const family = isIP(address);
  const most = family === 6 ? 128 : 32;
  return family !== 0 && rest.length === 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= most
    ? []
    : [invalid(field, cidr, 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)')];
}

/** Source: as above, ValidateServiceCIDR. */
export const serviceCIDRStrategy: Strategy<ServiceCIDR> = {
  keepsStatus: true,
  validate({ spec }) {
    const cidrs = spec?.cidrs ?? [];
    if (cidrs.length === 0) return [required('spec.cidrs', 'at least one CIDR required')];
    if (cidrs.length > 2) {
      return [invalid('spec', spec, 'may only hold up to 2 values')];
    }
    const errors = each(cidrs, 'spec.cidrs', validateCidr);
    const families = new Set(cidrs.map((cidr) => familyOf(cidr.split('/')[0]!)));
    if (errors.length === 0 && families.size < cidrs.length) {
      errors.push(
        invalid(
          'spec',
          spec,
          'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64',
        ),
      );
    }
    return errors;
  },
  validateUpdate: (next, old) =>
    same(next.spec?.cidrs, old.spec?.cidrs)
      ? []
      : [invalid('spec.cidrs', next.spec?.cidrs, 'field is immutable')],
};
