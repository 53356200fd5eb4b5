import { type Ingress, type IngressClass, IngressClasses, Ingresses } from 'orlop/plugin';
import { ingressClassColumns, ingressColumns } from '../../printing/ingress.ts';
import { validateIngress, validateIngressClass, validateIngressClassUpdate } from '../ingress/validate.ts';
import { row } from '../row.ts';
import type { ResourceRow } from '../types.ts';

export const ingressRows: readonly ResourceRow[] = [
  row<Ingress>(Ingresses, {
    shortNames: ['ing'],
    columns: ingressColumns,
    strategy: { validate: validateIngress },
    subresources: ['status'],
  }),
  row<IngressClass>(IngressClasses, {
    columns: ingressClassColumns,
    strategy: { validate: validateIngressClass, validateUpdate: validateIngressClassUpdate },
  }),
];
