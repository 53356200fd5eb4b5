import { type Ingress, type IngressClass, IngressClasses, Ingresses, type ObjectClient } from 'orlop/plugin';
import type { AdmissionStep } from './admission.ts';

/** Older than the field, and still heeded. */
const CLASS = 'kubernetes.io/ingress.class';
const IS_DEFAULT = 'ingressclass.kubernetes.io/is-default-class';

/** New Ingresses without a class get the default one, of several the newest. Source: kubernetes `plugin/pkg/admission/network/defaultingressclass`. */
export function defaultIngressClass(objects: ObjectClient): AdmissionStep {
  return {
    async mutate({ operation, row, subresource, object }) {
      if (operation !== 'CREATE' || subresource !== '') return;
      if (row.group !== 'networking.k8s.io' || row.resource !== Ingresses.resource) return;
      const ingress = object as Ingress;
      if (ingress.spec?.ingressClassName !== undefined) return;
      if (ingress.metadata?.annotations?.[CLASS] !== undefined) return;
      const { items } = await objects.list(IngressClasses, { revision: 0 });
      const [first] = items
        .map(({ value }) => value)
        .filter(isDefault)
        .sort(newestFirst);
      if (first) ingress.spec = { ...ingress.spec, ingressClassName: first.metadata!.name! };
    },
    validate() {},
  };
}

function isDefault({ metadata }: IngressClass): boolean {
  return metadata?.annotations?.[IS_DEFAULT] === 'true';
}

/** Of one second by name. */
function newestFirst(a: IngressClass, b: IngressClass): number {
  const [first, second] = [a, b].map(({ metadata }) => Date.parse(metadata!.creationTimestamp!));
  return second! - first! || (a.metadata!.name! < b.metadata!.name! ? -1 : 1);
}
