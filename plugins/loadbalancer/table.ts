import {
  type Endpoint,
  type EndpointSlice,
  keyOf,
  type LoadBalancer,
  type Pick,
  type Service,
  type SliceEndpoint,
} from 'orlop/plugin';
import { LeastBusy, type Member } from './leastbusy.ts';

/** Kubernetes' default, three hours. */
const AFFINITY_SECONDS = 10_800;
const SERVICE_NAME = 'kubernetes.io/service-name';

interface Entry {
  service: Service | undefined;
  slices: Map<string, EndpointSlice>;
  /** By the port's name in the Service, `''` for an unnamed one; and by its number. */
  ports: Map<string, LeastBusy>;
  names: Map<string | number, string>;
}

/** The routing core: Services and EndpointSlices go in, endpoints come out. No I/O. */
export class ServiceTable implements LoadBalancer {
  readonly #entries = new Map<string, Entry>();

  setService(service: Service): void {
    const entry = this.#entry(
      keyOf({ namespace: service.metadata?.namespace, name: service.metadata!.name! }),
    );
    entry.service = service;
    entry.names = portNames(service);
  }

  deleteService(service: Service): void {
    const key = keyOf({ namespace: service.metadata?.namespace, name: service.metadata!.name! });
    const entry = this.#entry(key);
    entry.service = undefined;
    entry.names = new Map();
    this.#tidy(key, entry);
  }

  setSlice(slice: EndpointSlice): void {
    const key = serviceKey(slice);
    if (key === undefined) return;
    const entry = this.#entry(key);
    entry.slices.set(slice.metadata!.name!, slice);
    refresh(entry);
  }

  deleteSlice(slice: EndpointSlice): void {
    const key = serviceKey(slice);
    if (key === undefined) return;
    const entry = this.#entry(key);
    entry.slices.delete(slice.metadata!.name!);
    refresh(entry);
    this.#tidy(key, entry);
  }

  pick(
    namespace: string,
    service: string,
    port: string | number,
    not?: readonly Endpoint[],
  ): Pick | undefined {
    const endpoints = this.endpoints(namespace, service, port);
    const member = endpoints?.take(not);
    return member && picked(endpoints!, member);
  }

  /** As `pick`, but this very endpoint, if it is still ready. */
  pickExactly(
    namespace: string,
    service: string,
    port: string | number,
    endpoint: Endpoint,
  ): Pick | undefined {
    const endpoints = this.endpoints(namespace, service, port);
    const member = endpoints?.takeExactly(endpoint);
    return member && picked(endpoints!, member);
  }

  /** `undefined`: no such Service port, or it never had an endpoint. */
  endpoints(namespace: string, service: string, port: string | number): LeastBusy | undefined {
    const entry = this.#entries.get(`${namespace}/${service}`);
    const name = entry?.names.get(port);
    return name === undefined ? undefined : entry!.ports.get(name);
  }

  /** How long a client stays with its endpoint; `undefined` without `sessionAffinity: ClientIP`. */
  affinitySeconds(namespace: string, service: string): number | undefined {
    const spec = this.#entries.get(`${namespace}/${service}`)?.service?.spec;
    if (spec?.sessionAffinity !== 'ClientIP') return undefined;
    return spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? AFFINITY_SECONDS;
  }

  #entry(key: string): Entry {
    let entry = this.#entries.get(key);
    if (!entry) {
      entry = { service: undefined, slices: new Map(), ports: new Map(), names: new Map() };
      this.#entries.set(key, entry);
    }
    return entry;
  }

  #tidy(key: string, { service, slices }: Entry): void {
    if (!service && slices.size === 0) this.#entries.delete(key);
  }
}

/** One endpoint held; an object without closures, for one is made per request. */
class Held implements Pick {
  readonly endpoint: Member;
  readonly #from: LeastBusy;

  constructor(from: LeastBusy, member: Member) {
    this.#from = from;
    this.endpoint = member;
  }

  release(): void {
    this.#from.release(this.endpoint);
  }
}

function picked(endpoints: LeastBusy, member: Member): Pick {
  return new Held(endpoints, member);
}

function serviceKey(slice: EndpointSlice): string | undefined {
  const name = slice.metadata?.labels?.[SERVICE_NAME];
  return name === undefined ? undefined : keyOf({ namespace: slice.metadata?.namespace, name });
}

function portNames(service: Service): Map<string | number, string> {
  const names = new Map<string | number, string>();
  if (service.spec?.type === 'ExternalName') return names;
  for (const { name = '', port, protocol = 'TCP' } of service.spec?.ports ?? []) {
    if (protocol !== 'TCP') continue;
    names.set(port, name);
    names.set(name, name);
  }
  return names;
}

/** Rebuilds the endpoints of each port from the slices; requests in flight stay counted. */
function refresh(entry: Entry): void {
  const ports = new Map<string, { ready: Endpoint[]; ending: Endpoint[] }>();
  for (const slice of entry.slices.values()) {
    for (const { name = '', port, protocol = 'TCP' } of slice.ports ?? []) {
      if (port === undefined || protocol !== 'TCP') continue;
      const all = ports.get(name) ?? { ready: [], ending: [] };
      ports.set(name, all);
      for (const endpoint of slice.endpoints ?? []) {
        const host = endpoint.addresses[0];
        if (host === undefined) continue;
        if (isReady(endpoint)) all.ready.push({ host, port });
        else if (isServingToTheEnd(endpoint)) all.ending.push({ host, port });
      }
    }
  }
  for (const [name, { ready, ending }] of ports) {
    const endpoints = entry.ports.get(name) ?? new LeastBusy();
    entry.ports.set(name, endpoints);
    // When all are ending, those that still serve are better than none. Source: kube-proxy, KEP-1669.
    endpoints.update(ready.length > 0 ? ready : ending);
  }
  for (const [name, endpoints] of entry.ports) if (!ports.has(name)) endpoints.update([]);
}

function isReady({ conditions }: SliceEndpoint): boolean {
  return conditions?.ready !== false;
}

function isServingToTheEnd({ conditions }: SliceEndpoint): boolean {
  return conditions?.terminating === true && conditions.serving !== false;
}
