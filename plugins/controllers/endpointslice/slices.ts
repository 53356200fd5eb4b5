import { isDeepStrictEqual } from 'node:util';
import {
  controllerReference,
  type EndpointSlice,
  type Service,
  Services,
  type SliceEndpoint,
} from 'orlop/plugin';
import { type AddressType, type PortGroup, portsKey } from './endpoints.ts';

export const SERVICE_NAME = 'kubernetes.io/service-name';
export const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by';
export const CONTROLLER = 'endpointslice-controller.k8s.io';
const HEADLESS = 'service.kubernetes.io/headless';
const MAX_ENDPOINTS = 100;

/** The fewest writes that make the slices hold what they have to. */
export interface Plan {
  create: EndpointSlice[];
  update: EndpointSlice[];
  delete: EndpointSlice[];
}

/** `existing`: this Service's slices of the address type. */
export function planSlices(
  service: Service,
  addressType: AddressType,
  groups: readonly PortGroup[],
  existing: readonly EndpointSlice[],
): Plan {
  const plan: Plan = { create: [], update: [], delete: [] };
  // Without endpoints one empty slice stays: it says that the Service is known and has none.
  const wanted = groups.length > 0 ? groups : [{ ports: existing[0]?.ports ?? [], endpoints: [] }];
  const left = new Set(existing);
  for (const group of wanted) {
    const key = portsKey(group.ports);
    const slices = existing.filter((slice) => portsKey(slice.ports) === key);
    for (const slice of slices) left.delete(slice);
    planGroup(service, addressType, group, slices, plan);
  }
  plan.delete.push(...left);
  return plan;
}

function planGroup(
  service: Service,
  addressType: AddressType,
  group: PortGroup,
  slices: readonly EndpointSlice[],
  plan: Plan,
): void {
  const missing = new Map(group.endpoints.map((endpoint) => [endpoint.targetRef!.uid!, endpoint]));
  // Each endpoint stays in the slice it is in, so that a change rewrites one slice.
  const contents = slices.map((slice) => {
    const kept: SliceEndpoint[] = [];
    for (const endpoint of slice.endpoints ?? []) {
      const next = missing.get(endpoint.targetRef?.uid ?? '');
      if (!next) continue;
      missing.delete(endpoint.targetRef!.uid!);
      kept.push(isDeepStrictEqual(next, endpoint) ? endpoint : next);
    }
    return kept;
  });
  const added = [...missing.values()];
  for (const content of contents) content.push(...added.splice(0, MAX_ENDPOINTS - content.length));
  const metadata = sliceMetadata(service);
  for (const [index, slice] of slices.entries()) {
    const endpoints = contents[index]!;
    const last = index === slices.length - 1 && group.endpoints.length === 0;
    if (endpoints.length === 0 && !last) {
      plan.delete.push(slice);
      continue;
    }
    const labels = slice.metadata?.labels;
    const same =
      isDeepStrictEqual(endpoints, slice.endpoints ?? []) && isDeepStrictEqual(labels, metadata.labels);
    if (!same)
      plan.update.push({ ...slice, metadata: { ...slice.metadata, labels: metadata.labels! }, endpoints });
  }
  do {
    if (added.length === 0 && (slices.length > 0 || group.endpoints.length > 0)) return;
    plan.create.push({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata,
      addressType,
      endpoints: added.splice(0, MAX_ENDPOINTS),
      ports: group.ports,
    });
  } while (added.length > 0);
}

function sliceMetadata(service: Service): NonNullable<EndpointSlice['metadata']> {
  const { name, namespace, labels } = service.metadata!;
  return {
    generateName: `${name}-`,
    namespace: namespace!,
    labels: {
      ...labels,
      ...(service.spec?.clusterIP === 'None' ? { [HEADLESS]: '' } : {}),
      [SERVICE_NAME]: name!,
      [MANAGED_BY]: CONTROLLER,
    },
    ownerReferences: [controllerReference(Services, service)],
  };
}
