import { isIPv6 } from 'node:net';
import type { EndpointSlice, EndpointsObject, IPAddress, Service } from 'orlop/plugin';
import { column } from '../resources/row.ts';
import type { Column } from '../resources/types.ts';
import { labelText, shortList } from './text.ts';

const NONE = '<none>';

function externalIP({ spec, status }: Service): string {
  const own = spec?.externalIPs ?? [];
  switch (spec?.type) {
    case 'LoadBalancer': {
      const balancer = (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip || hostname || '');
      return [...balancer, ...own].join(',') || '<pending>';
    }
    case 'ExternalName':
      return spec.externalName || NONE;
    default:
      return own.join(',') || NONE;
  }
}

function ports({ spec }: Service): string {
  const texts = (spec?.ports ?? []).map(
    ({ port, nodePort, protocol = 'TCP' }) => `${port}${nodePort ? `:${nodePort}` : ''}/${protocol}`,
  );
  return texts.join(',') || NONE;
}

/** Source: kubernetes `printers/internalversion/printers.go`, printService. */
export const serviceColumns: readonly Column<Service>[] = [
  column('Type', ({ spec }) => spec?.type ?? ''),
  column('Cluster-IP', ({ spec }) => spec?.clusterIPs?.[0] || spec?.clusterIP || NONE),
  column('External-IP', externalIP),
  column('Port(s)', ports),
  column('Selector', ({ spec }) => labelText(spec?.selector), { wide: true }),
];

const SHOWN = 3;

export const endpointSliceColumns: readonly Column<EndpointSlice>[] = [
  column('AddressType', ({ addressType }) => addressType),
  column(
    'Ports',
    ({ ports: list }) =>
      shortList(
        (list ?? []).map(({ port }) => String(port ?? '*')),
        SHOWN,
      ) || '<unset>',
  ),
  column(
    'Endpoints',
    ({ endpoints }) =>
      shortList(
        (endpoints ?? []).flatMap(({ addresses }) => addresses),
        SHOWN,
      ) || '<unset>',
  ),
];

export const ipAddressColumns: readonly Column<IPAddress>[] = [
  column('ParentRef', ({ spec }) => {
    const { group, resource, namespace, name } = spec?.parentRef ?? {};
    return [group ? `${resource}.${group}` : resource, namespace, name].filter(Boolean).join('/');
  }),
];

/** Source: as above, formatEndpoints. */
export const endpointsColumns: readonly Column<EndpointsObject>[] = [
  column('Endpoints', ({ subsets }) => {
    const texts = (subsets ?? []).flatMap(({ addresses, ports: list }) =>
      (addresses ?? []).flatMap(({ ip }) =>
        (list ?? []).length === 0
          ? [ip]
          : (list ?? []).map(({ port }) => (isIPv6(ip) ? `[${ip}]:${port}` : `${ip}:${port}`)),
      ),
    );
    return shortList(texts, SHOWN) || NONE;
  }),
];
