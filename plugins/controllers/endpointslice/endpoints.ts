import {
  type EndpointPort,
  isPodReady,
  isPodTerminal,
  type Pod,
  type Service,
  type SliceEndpoint,
} from 'orlop/plugin';

export type AddressType = 'IPv4' | 'IPv6';

/** Pods that answer on the same ports share slices. */
export interface PortGroup {
  ports: EndpointPort[];
  endpoints: SliceEndpoint[];
}

/** What the slices of a Service have to hold. `zoneOf`: a node's `topology.kubernetes.io/zone`. */
export function portGroups(
  service: Service,
  pods: readonly Pod[],
  addressType: AddressType,
  zoneOf: (node: string) => string | undefined = () => undefined,
): PortGroup[] {
  const groups = new Map<string, PortGroup>();
  for (const pod of pods) {
    const endpoint = endpointOf(service, pod, addressType, zoneOf);
    if (!endpoint) continue;
    const ports = portsOf(service, pod);
    const key = portsKey(ports);
    const group = groups.get(key);
    if (group) group.endpoints.push(endpoint);
    else groups.set(key, { ports, endpoints: [endpoint] });
  }
  return [...groups.values()];
}

/** Equal for equal sets of ports. */
export function portsKey(ports: readonly EndpointPort[] | null | undefined): string {
  const texts = (ports ?? []).map((port) =>
    [port.name ?? '', port.protocol ?? 'TCP', port.port ?? '', port.appProtocol ?? ''].join('/'),
  );
  return texts.sort().join(',');
}

/** Undefined for a pod that has ended or has no address of the type yet. */
function endpointOf(
  service: Service,
  pod: Pod,
  addressType: AddressType,
  zoneOf: (node: string) => string | undefined,
): SliceEndpoint | undefined {
  const address = addressOf(pod, addressType);
  if (isPodTerminal(pod) || address === undefined) return undefined;
  const { name, namespace, uid, deletionTimestamp } = pod.metadata!;
  const serving = isPodReady(pod);
  const terminating = deletionTimestamp !== undefined;
  const ready = service.spec?.publishNotReadyAddresses === true || (serving && !terminating);
  const endpoint: SliceEndpoint = {
    addresses: [address],
    conditions: { ready, serving, terminating },
    targetRef: { kind: 'Pod', namespace: namespace!, name: name!, uid: uid! },
  };
  const { nodeName, hostname, subdomain } = pod.spec!;
  if (nodeName) {
    endpoint.nodeName = nodeName;
    const zone = zoneOf(nodeName);
    if (zone) endpoint.zone = zone;
  }
  if (hostname && subdomain === service.metadata?.name) endpoint.hostname = hostname;
  return endpoint;
}

function addressOf(pod: Pod, addressType: AddressType): string | undefined {
  const all = pod.status?.podIPs?.map((each) => each.ip) ?? [pod.status?.podIP];
  return all.find((ip): ip is string => Boolean(ip) && ip!.includes(':') === (addressType === 'IPv6'));
}

/** A port whose named target the pod does not have is left out, as upstream. */
function portsOf(service: Service, pod: Pod): EndpointPort[] {
  const ports: EndpointPort[] = [];
  for (const port of service.spec?.ports ?? []) {
    const protocol = port.protocol ?? 'TCP';
    const number = targetPort(pod, port.targetPort ?? port.port, protocol);
    if (number === undefined) continue;
    ports.push({
      name: port.name ?? '',
      port: number,
      protocol,
      ...(port.appProtocol ? { appProtocol: port.appProtocol } : {}),
    });
  }
  return ports;
}

function targetPort(pod: Pod, target: number | string, protocol: string): number | undefined {
  if (typeof target === 'number') return target;
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  return containers
    .flatMap((container) => container.ports ?? [])
    .find((port) => port.name === target && (port.protocol ?? 'TCP') === protocol)?.containerPort;
}

/** One per address family of the Service; that of its address when none is named. */
export function addressTypes(service: Service): AddressType[] {
  const families = service.spec?.ipFamilies;
  if (families?.length) return families.map((family) => (family === 'IPv6' ? 'IPv6' : 'IPv4'));
  return [service.spec?.clusterIP?.includes(':') ? 'IPv6' : 'IPv4'];
}
