import {
  type Context,
  type Controller,
  controller,
  type EndpointSlice,
  EndpointSlices,
  isStatus,
  keyOf,
  keyOfObject,
  type LabelPredicate,
  matchLabels,
  Nodes,
  objectKey,
  type Pod,
  Pods,
  parseKey,
  type Service,
  Services,
  source,
} from 'orlop/plugin';
import { addressTypes, portGroups } from './endpoints.ts';
import { CONTROLLER, MANAGED_BY, type Plan, planSlices, SERVICE_NAME } from './slices.ts';

export function run(ctx: Context): Controller {
  const { objects } = ctx;
  /** By namespace, then the Service's key: which Services a pod belongs to. */
  const selectors = new Map<string, Map<string, LabelPredicate>>();

  function* ownKey(service: Service): Iterable<string> {
    const namespace = service.metadata?.namespace ?? '';
    const services = selectors.get(namespace) ?? new Map<string, LabelPredicate>();
    selectors.set(namespace, services);
    const key = keyOfObject(service);
    services.set(key, matchLabels(service.spec?.selector));
    yield key;
  }

  function* keysOfPod(pod: Pod, previous: Pod | undefined): Iterable<string> {
    for (const [key, matches] of selectors.get(pod.metadata?.namespace ?? '') ?? []) {
      if (matches(pod.metadata?.labels) || (previous && matches(previous.metadata?.labels))) yield key;
    }
  }

  function* keysOfSlice(slice: EndpointSlice): Iterable<string> {
    const { namespace, labels } = slice.metadata ?? {};
    const name = labels?.[SERVICE_NAME];
    if (name && labels?.[MANAGED_BY] === CONTROLLER) yield keyOf({ namespace, name });
  }

  async function reconcile(key: string): Promise<void> {
    const found = await objects.get(Services, parseKey(key), { revision: 0 });
    if (!found) {
      const namespace = parseKey(key).namespace ?? '';
      selectors.get(namespace)?.delete(key);
      if (selectors.get(namespace)?.size === 0) selectors.delete(namespace);
      return; // Its slices are the garbage collector's.
    }
    const service = found.value;
    const { selector, type } = service.spec ?? {};
    if (!selector || Object.keys(selector).length === 0 || type === 'ExternalName') return;
    if (service.metadata?.deletionTimestamp !== undefined) return;
    const namespace = service.metadata!.namespace!;
    const matches = matchLabels(selector);
    const [pods, slices] = await Promise.all([
      objects.list(Pods, { namespace, revision: 0, where: (pod) => matches(pod.metadata?.labels) }),
      objects.list(EndpointSlices, {
        namespace,
        revision: 0,
        where: ({ metadata }) =>
          metadata?.labels?.[SERVICE_NAME] === service.metadata!.name &&
          metadata?.labels?.[MANAGED_BY] === CONTROLLER,
      }),
    ]);
    const selected = pods.items.map((each) => each.value);
    const existing = slices.items.map((each) => each.value);
    const zones = await zonesOf(selected);
    const types = addressTypes(service);
    for (const addressType of types) {
      const groups = portGroups(service, selected, addressType, (node) => zones.get(node));
      const ofType = existing.filter((slice) => slice.addressType === addressType);
      await apply(planSlices(service, addressType, groups, ofType));
    }
    const stale = existing.filter((slice) => !types.some((each) => each === slice.addressType));
    await apply({ create: [], update: [], delete: stale });
  }

  async function zonesOf(pods: readonly Pod[]): Promise<Map<string, string>> {
    const zones = new Map<string, string>();
    for (const name of new Set(pods.flatMap((pod) => pod.spec?.nodeName ?? []))) {
      const node = await objects.get(Nodes, { name }, { revision: 0 });
      const zone = node?.value.metadata?.labels?.['topology.kubernetes.io/zone'];
      if (zone) zones.set(name, zone);
    }
    return zones;
  }

  /** Updates carry the revision they were planned on; a conflict plans anew. */
  async function apply(plan: Plan): Promise<void> {
    await Promise.all([
      ...plan.update.map((slice) => objects.update(EndpointSlices, slice)),
      ...plan.create.map((slice) => objects.create(EndpointSlices, slice)),
    ]);
    await Promise.all(plan.delete.map(remove));
  }

  async function remove(slice: EndpointSlice): Promise<void> {
    try {
      await objects.delete(EndpointSlices, objectKey(slice), { uid: slice.metadata!.uid });
    } catch (error) {
      if (!isStatus(error, 'NotFound')) throw error;
    }
  }

  return controller(ctx, {
    sources: [
      source(ctx, Services, ownKey),
      source(ctx, Pods, keysOfPod),
      source(ctx, EndpointSlices, keysOfSlice),
    ],
    reconcile,
  });
}
