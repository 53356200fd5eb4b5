import {
  type Ingress,
  type IngressClass,
  IngressClasses,
  Ingresses,
  NetworkPolicies,
  type NetworkPolicy,
  type ServiceCIDR,
  ServiceCIDRs,
} from 'orlop/plugin';
import { ingressClassColumns, ingressColumns } from '../../printing/ingress.ts';
import { selectorText } from '../../printing/text.ts';
import {
  ingressWarnings,
  validateIngress,
  validateIngressClass,
  validateIngressClassUpdate,
} from '../ingress/validate.ts';
import { networkPolicyStrategy, serviceCIDRStrategy } from '../networking/strategy.ts';
import { column, row } from '../row.ts';
import type { ResourceRow } from '../types.ts';

export const ingressRows: readonly ResourceRow[] = [
  row<Ingress>(Ingresses, {
    shortNames: ['ing'],
    columns: ingressColumns,
    strategy: { validate: validateIngress, warnings: ingressWarnings },
    subresources: ['status'],
  }),
  row<IngressClass>(IngressClasses, {
    columns: ingressClassColumns,
    strategy: { validate: validateIngressClass, validateUpdate: validateIngressClassUpdate },
  }),
  row<NetworkPolicy>(NetworkPolicies, {
    shortNames: ['netpol'],
    strategy: networkPolicyStrategy,
    columns: [column('Pod-Selector', ({ spec }) => selectorText(spec?.podSelector))],
  }),
  row<ServiceCIDR>(ServiceCIDRs, {
    subresources: ['status'],
    strategy: serviceCIDRStrategy,
    columns: [column('CIDRs', ({ spec }) => (spec?.cidrs ?? []).join(','))],
  }),
];
