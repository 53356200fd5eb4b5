import { type Ingress, type IngressClass, IngressClasses, Ingresses } from 'orlop/plugin';
import { ingressClassColumns, ingressColumns } from '../../printing/ingress.ts';
import { row } from '../row.ts';
import type { ResourceRow } from '../types.ts';

export const ingressRows: readonly ResourceRow[] = [
  row<Ingress>(Ingresses, { shortNames: ['ing'], columns: ingressColumns, subresources: ['status'] }),
  row<IngressClass>(IngressClasses, { columns: ingressClassColumns }),
];
