import { type Container, type Pod, parseQuantity } from 'orlop/plugin';

/** CPU in cores, memory and ephemeral storage in bytes. */
export type Amounts = Readonly<Record<string, number>>;

/**
 * A `resourceFieldRef`: `limits.cpu`, `requests.memory`, ... in units of `divisor`, rounded up. An absent limit is what the node can
 * allocate, an absent request 0, as kubelet has it.
 */
export function resourceField(
  container: Container,
  resource: string,
  divisor: string | undefined,
  allocatable: Amounts,
): string {
  const [list = '', ...rest] = resource.split('.');
  const name = rest.join('.');
  const amounts = list === 'limits' ? container.resources?.limits : container.resources?.requests;
  const text = amounts?.[name];
  const amount =
    text === undefined ? (list === 'limits' ? (allocatable[name] ?? 0) : 0) : parseQuantity(text);
  const unit = parseQuantity(divisor ?? '1') || 1;
  return String(Math.ceil(round((amount ?? 0) / unit)));
}

/** Absorbs binary fractions, so that 0.3 cores in units of 1m are 300 and not 301. */
function round(value: number): number {
  return Number(value.toPrecision(12));
}

/** Source: k8s.io/kubernetes pkg/apis/core/v1/helper/qos. */
export function qosClass(pod: Pod): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  let any = false;
  let guaranteed = true;
  for (const { resources } of containers) {
    for (const name of ['cpu', 'memory']) {
      const limit = positive(resources?.limits?.[name]);
      const request = positive(resources?.requests?.[name]);
      if (limit !== undefined || request !== undefined) any = true;
      if (limit === undefined || (request !== undefined && request !== limit)) guaranteed = false;
    }
  }
  if (!any) return 'BestEffort';
  return guaranteed ? 'Guaranteed' : 'Burstable';
}

function positive(text: string | undefined): number | undefined {
  const amount = text === undefined ? undefined : parseQuantity(text);
  return amount ? amount : undefined;
}
