import { type Ingress, type IngressClass, IngressClasses, Ingresses } from 'orlop/plugin';
import { row } from '../row.ts';
import type { ResourceRow } from '../types.ts';

export const ingressRows: readonly ResourceRow[] = [
  row<Ingress>(Ingresses, { shortNames: ['ing'], subresources: ['status'] }),
  row<IngressClass>(IngressClasses),
];
