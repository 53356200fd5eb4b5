import { isIP } from 'node:net';
import type { HTTPIngressPath, Ingress, IngressBackend, IngressClass } from 'orlop/plugin';
import { each, named, portNumber, requiredName, same } from '../checks.ts';
import { invalid, required, unsupported } from '../errors.ts';
import { IMMUTABLE } from '../metadata.ts';
import { dns1035Label, dns1123Subdomain, portName, wildcardSubdomain } from '../names.ts';
import type { FieldError } from '../types.ts';

const PATH_TYPES = ['Exact', 'ImplementationSpecific', 'Prefix'];
const BAD_PARTS = ['//', '/./', '/../', '%2f', '%2F'];
const BAD_ENDS = ['/..', '/.'];

/** Source: kubernetes `pkg/apis/networking/validation/validation.go`. */
export function validateIngress({ spec }: Ingress): FieldError[] {
  const { rules = [], defaultBackend, tls, ingressClassName } = spec ?? {};
  const errors: FieldError[] = [];
  if (rules.length === 0 && !defaultBackend) {
    errors.push(invalid('spec', [], 'either `defaultBackend` or `rules` must be specified'));
  }
  if (defaultBackend) errors.push(...validateBackend(defaultBackend, 'spec.defaultBackend'));
  if (ingressClassName !== undefined)
    errors.push(...named(ingressClassName, 'spec.ingressClassName', dns1123Subdomain));
  errors.push(
    ...each(tls, 'spec.tls', ({ hosts }, at) =>
      each(hosts, `${at}.hosts`, (host, hostAt) => named(host, hostAt, hostCheck(host))),
    ),
    ...each(rules, 'spec.rules', ({ host, http }, at) => [
      ...(host ? validateHost(host, `${at}.host`) : []),
      ...(http && (http.paths ?? []).length === 0 ? [required(`${at}.http.paths`)] : []),
      ...each(http?.paths, `${at}.http.paths`, validatePath),
    ]),
  );
  return errors;
}

function hostCheck(host: string): (name: string) => string[] {
  return host.includes('*') ? wildcardSubdomain : dns1123Subdomain;
}

function validateHost(host: string, field: string): FieldError[] {
  if (isIP(host) !== 0) return [invalid(field, host, 'must be a DNS name, not an IP address')];
  return named(host, field, hostCheck(host));
}

function validatePath({ path = '', pathType, backend }: HTTPIngressPath, field: string): FieldError[] {
  const errors: FieldError[] = [];
  if (!pathType) errors.push(required(`${field}.pathType`, 'pathType must be specified'));
  else if (!PATH_TYPES.includes(pathType))
    errors.push(unsupported(`${field}.pathType`, pathType, PATH_TYPES));
  else if (pathType !== 'ImplementationSpecific' || path !== '') {
    if (!path.startsWith('/')) errors.push(invalid(`${field}.path`, path, 'must be an absolute path'));
    if (pathType !== 'ImplementationSpecific') {
      for (const part of BAD_PARTS.filter((each) => path.includes(each))) {
        errors.push(invalid(`${field}.path`, path, `must not contain '${part}'`));
      }
      for (const end of BAD_ENDS.filter((each) => path.endsWith(each))) {
        errors.push(invalid(`${field}.path`, path, `cannot end with '${end}'`));
      }
    }
  }
  return [...errors, ...validateBackend(backend, `${field}.backend`)];
}

function validateBackend(backend: IngressBackend | undefined, field: string): FieldError[] {
  const { service, resource } = backend ?? {};
  if (service && resource) return [invalid(field, '', 'cannot set both resource and service backends')];
  if (resource) return requiredName(resource.name, `${field}.resource.name`);
  if (!service) return [required(field, 'must specify exactly one of service or resource backend')];
  const errors = requiredName(service.name, `${field}.service.name`, dns1035Label);
  const { name, number } = service.port ?? {};
  if (name && number)
    errors.push(invalid(`${field}.service.port`, '', 'cannot set both port name & port number'));
  else if (name) errors.push(...named(name, `${field}.service.port.name`, portName));
  else if (number) errors.push(...portNumber(number, `${field}.service.port.number`));
  else errors.push(required(`${field}.service.port`, 'port name or number is required'));
  return errors;
}

export function validateIngressClass({ spec }: IngressClass): FieldError[] {
  const controller = spec?.controller ?? '';
  if (controller === '') return [required('spec.controller')];
  const [domain = '', ...path] = controller.split('/');
  if (path.length === 0 || path.includes('')) {
    return [invalid('spec.controller', controller, 'must be a domain-prefixed path (such as "acme.io/foo")')];
  }
  return named(domain, 'spec.controller', dns1123Subdomain);
}

export function validateIngressClassUpdate(next: IngressClass, old: IngressClass): FieldError[] {
  return same(next.spec?.controller, old.spec?.controller)
    ? []
    : [invalid('spec.controller', next.spec?.controller, IMMUTABLE)];
}

const CLASS = 'kubernetes.io/ingress.class';

/** Source: kubernetes `pkg/registry/networking/ingress/strategy.go`. */
export function ingressWarnings({ metadata }: Ingress, old?: Ingress): string[] {
  return old || metadata?.annotations?.[CLASS] === undefined
    ? []
    : [`annotation ${JSON.stringify(CLASS)} is deprecated, please use 'spec.ingressClassName' instead`];
}
