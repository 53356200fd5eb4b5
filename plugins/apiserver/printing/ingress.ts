import type { Ingress, IngressClass } from 'orlop/plugin';
import { column } from '../resources/row.ts';
import type { Column } from '../resources/types.ts';
import { shortList } from './text.ts';

const NONE = '<none>';
const HOSTS_SHOWN = 3;

function hosts({ spec }: Ingress): string {
  const named = (spec?.rules ?? []).map(({ host }) => host ?? '').filter((host) => host !== '');
  if ((spec?.rules ?? []).length === 0 || named.length === 0) return '*';
  return shortList(named, HOSTS_SHOWN);
}

function address({ status }: Ingress): string {
  return (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip || hostname || '').join(',');
}

/** Source: kubernetes `printers/internalversion/printers.go`, printIngress. */
export const ingressColumns: readonly Column<Ingress>[] = [
  column('Class', ({ spec }) => spec?.ingressClassName ?? NONE),
  column('Hosts', hosts),
  column('Address', address),
  column('Ports', ({ spec }) => ((spec?.tls ?? []).length > 0 ? '80, 443' : '80')),
];

export const ingressClassColumns: readonly Column<IngressClass>[] = [
  column('Controller', ({ spec }) => spec?.controller ?? ''),
  column('Parameters', ({ spec }) => {
    const { kind, apiGroup, name } = spec?.parameters ?? {};
    return kind === undefined ? NONE : `${kind}${apiGroup ? `.${apiGroup}` : ''}/${name}`;
  }),
];
