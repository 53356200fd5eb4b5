import { isIP } from 'node:net';
import type { Service, ServicePort } from 'orlop/plugin';
import { each, named, oneOf, portNumber, portNumberOrName } from '../checks.ts';
import { duplicate, forbidden, invalid, required } from '../errors.ts';
import { validateLabels } from '../metadata.ts';
import { dns1123Label, dns1123Subdomain } from '../names.ts';
import type { FieldError } from '../types.ts';

const TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const PROTOCOLS = ['TCP', 'UDP', 'SCTP'];
const MAX_SESSION_SECONDS = 86_400;
const NOT_AN_IP = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';

/** Source: kubernetes `pkg/apis/core/validation/validation.go`, ValidateService. */
export function validateService({ spec }: Service): FieldError[] {
  if (!spec) return [required('spec.ports')];
  const headless = spec.clusterIP === 'None';
  const errors: FieldError[] = [];
  if ((spec.ports ?? []).length === 0 && !headless && spec.type !== 'ExternalName')
    errors.push(required('spec.ports'));
  if (headless && (spec.type === 'NodePort' || spec.type === 'LoadBalancer')) {
    errors.push(invalid('spec.clusterIPs[0]', 'None', `may not be set to 'None' for ${spec.type} services`));
  }
  if (spec.type === 'ExternalName') errors.push(...validateExternalName(spec));
  errors.push(
    ...validatePorts(spec.ports ?? [], spec.type ?? ''),
    ...validateLabels(spec.selector, 'spec.selector'),
    ...oneOf(spec.sessionAffinity, 'spec.sessionAffinity', ['ClientIP', 'None']),
    ...oneOf(spec.type, 'spec.type', TYPES),
    ...validateAddresses(spec),
    ...validateTraffic(spec),
  );
  const timeout = spec.sessionAffinityConfig?.clientIP?.timeoutSeconds;
  if (timeout !== undefined && (timeout <= 0 || timeout > MAX_SESSION_SECONDS)) {
    errors.push(
      invalid(
        'spec.sessionAffinityConfig.clientIP.timeoutSeconds',
        timeout,
        `must be greater than 0 and less than ${MAX_SESSION_SECONDS}`,
      ),
    );
  }
  return errors;
}

type Spec = NonNullable<Service['spec']>;

function validateExternalName({ externalName = '', clusterIP }: Spec): FieldError[] {
  const errors: FieldError[] = [];
  if (clusterIP) errors.push(forbidden('spec.clusterIP', 'may not be set for ExternalName services'));
  if (externalName === '') return [...errors, required('spec.externalName')];
  return [...errors, ...named(externalName.replace(/\.$/, ''), 'spec.externalName', dns1123Subdomain)];
}

function validatePorts(ports: readonly ServicePort[], type: string): FieldError[] {
  const [names, numbers, nodePorts] = [new Set<string>(), new Set<string>(), new Set<string>()];
  return each(ports, 'spec.ports', (port, at) => {
    const errors: FieldError[] = [];
    if (!port.name) {
      if (ports.length > 1) errors.push(required(`${at}.name`));
    } else {
      errors.push(...named(port.name, `${at}.name`, dns1123Label));
      if (names.has(port.name)) errors.push(duplicate(`${at}.name`, port.name));
      names.add(port.name);
    }
    errors.push(...portNumber(port.port, `${at}.port`), ...oneOf(port.protocol, `${at}.protocol`, PROTOCOLS));
    if (port.targetPort !== undefined) errors.push(...portNumberOrName(port.targetPort, `${at}.targetPort`));
    if (port.nodePort && type !== 'NodePort' && type !== 'LoadBalancer') {
      errors.push(forbidden(`${at}.nodePort`, `may not be used when \`type\` is '${type}'`));
    }
    const number = `${port.protocol}/${port.port}`;
    if (numbers.has(number)) errors.push(duplicate(at, { port: port.port, protocol: port.protocol }));
    numbers.add(number);
    const nodePort = `${port.protocol}/${port.nodePort}`;
    if (port.nodePort && nodePorts.has(nodePort)) errors.push(duplicate(`${at}.nodePort`, port.nodePort));
    nodePorts.add(nodePort);
    return errors;
  });
}

function validateAddresses({ clusterIP, clusterIPs, externalIPs, loadBalancerIP }: Spec): FieldError[] {
  const errors = each(clusterIPs, 'spec.clusterIPs', (ip, at) =>
    ip !== '' && ip !== 'None' && isIP(ip) === 0 ? [invalid(at, ip, NOT_AN_IP)] : [],
  );
  if (clusterIP && clusterIPs && clusterIPs[0] !== clusterIP) {
    errors.push(invalid('spec.clusterIPs', clusterIPs, 'first value must match `clusterIP`'));
  }
  errors.push(
    ...each(externalIPs, 'spec.externalIPs', (ip, at) =>
      isIP(ip) === 0 ? [invalid(at, ip, NOT_AN_IP)] : [],
    ),
  );
  if (loadBalancerIP && isIP(loadBalancerIP) === 0) {
    errors.push(invalid('spec.loadBalancerIP', loadBalancerIP, NOT_AN_IP));
  }
  return errors;
}

const POLICIES = ['Cluster', 'Local'];

function validateTraffic(spec: Spec): FieldError[] {
  const { type, externalTrafficPolicy, internalTrafficPolicy } = spec;
  const external = type === 'NodePort' || type === 'LoadBalancer';
  const errors: FieldError[] = [];
  if (external) errors.push(...oneOf(externalTrafficPolicy, 'spec.externalTrafficPolicy', POLICIES));
  else if (externalTrafficPolicy && (spec.externalIPs ?? []).length === 0) {
    errors.push(
      invalid(
        'spec.externalTrafficPolicy',
        externalTrafficPolicy,
        'may only be set for externally-accessible services',
      ),
    );
  }
  if (type !== 'ExternalName')
    errors.push(...oneOf(internalTrafficPolicy, 'spec.internalTrafficPolicy', POLICIES));
  return errors;
}

export function validateServiceUpdate({ spec }: Service, { spec: before }: Service): FieldError[] {
  if (!before?.clusterIP || before.type === 'ExternalName' || spec?.type === 'ExternalName') return [];
  if (spec?.clusterIP === before.clusterIP) return [];
  return [invalid('spec.clusterIPs[0]', spec?.clusterIPs ?? [], 'may not change once set')];
}
