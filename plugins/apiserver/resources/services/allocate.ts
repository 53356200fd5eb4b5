import { isIPv4 } from 'node:net';
import {
  type IPAddress,
  IPAddresses,
  type KubeObject,
  type ObjectClient,
  type Resource,
  type Service,
  Services,
  type StoredObject,
  type Write,
} from 'orlop/plugin';
import { invalid, invalidObject } from '../errors.ts';
import type { FieldError, Strategy } from '../types.ts';
import { type AddressRange, addressRange, dynamicStart, inRange, toAddress } from './addresses.ts';

export interface ServiceOptions {
  /** Where ClusterIPs come from, e.g. `10.96.0.0/16`. */
  serviceCIDR: string;
  /** First and last node port, inclusive. */
  nodePorts: readonly [first: number, last: number];
}

/** Reserves one node port; named by it. Not served: upstream keeps these as a bitmap of its own, too. */
export interface NodePortReservation extends KubeObject {
  spec: { namespace: string; name: string };
}

export const NodePorts: Resource<NodePortReservation> = {
  group: 'orlop.dev',
  version: 'v1',
  resource: 'nodeports',
  kind: 'NodePort',
  namespaced: false,
};

const HEADLESS = 'None';
const ATTEMPTS = 50;

/** What `services` own, as reservations. */
export function clusterIPsOf({ spec }: Service): string[] {
  const all = spec?.clusterIPs ?? (spec?.clusterIP ? [spec.clusterIP] : []);
  return all.filter((ip) => ip !== '' && ip !== HEADLESS);
}

export function nodePortsOf({ spec }: Service): number[] {
  const ports = (spec?.ports ?? []).map(({ nodePort }) => nodePort ?? 0);
  return [...new Set([...ports, spec?.healthCheckNodePort ?? 0])].filter((port) => port !== 0);
}

export function needsNodePorts({ spec }: Service): boolean {
  return (
    spec?.type === 'NodePort' ||
    (spec?.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false)
  );
}

/**
 * Gives a Service its ClusterIP and node ports, or holds it to those it asks for. Every address and port is an object whose name it is, created
 * in the Service's own transaction: two Services can never get the same one, whoever allocates. Reservations of Services that are gone
 * are taken over. Source: kubernetes `pkg/registry/core/service/storage/alloc.go`.
 */
export function serviceReservation(options: ServiceOptions): NonNullable<Strategy<Service>['reserve']> {
  const range = addressRange(options.serviceCIDR);
  return async (objects, next, old) => {
    const writes: Write[] = [];
    const errors: FieldError[] = [];
    const held = { ips: new Set(old ? clusterIPsOf(old) : []), ports: new Set(old ? nodePortsOf(old) : []) };
    await reserveAddress(objects, range, next, held.ips, writes, errors);
    await reservePorts(objects, options.nodePorts, next, held.ports, writes, errors);
    if (errors.length > 0) throw invalidObject(Services, next.metadata?.name ?? '', errors);
    return writes;
  };
}

async function reserveAddress(
  objects: ObjectClient,
  range: AddressRange,
  service: Service,
  held: ReadonlySet<string>,
  writes: Write[],
  errors: FieldError[],
): Promise<void> {
  const { spec } = service;
  if (!spec || spec.type === 'ExternalName' || spec.clusterIP === HEADLESS) return;
  const asked = spec.clusterIP;
  if (asked) {
    spec.clusterIPs ??= [asked];
    if (held.has(asked)) return;
    const fail = (detail: string): void => {
      errors.push(invalid('spec.clusterIPs', [asked], `failed to allocate IP ${asked}: ${detail}`));
    };
    if (!isIPv4(asked) || !inRange(range, asked)) {
      fail(`the provided IP (${asked}) is not in the valid range. The range of valid IPs is ${range.cidr}`);
      return;
    }
    const write = await addressWrite(objects, asked, service);
    if (write) writes.push(write);
    else fail('provided IP is already allocated');
    return;
  }
  const write = await freeAddress(objects, range, service);
  if (!write) {
    errors.push(
      invalid('spec.clusterIPs', [], `failed to allocate a serviceIP: range ${range.cidr} is full`),
    );
    return;
  }
  spec.clusterIP = write.object.metadata!.name!;
  spec.clusterIPs = [spec.clusterIP];
  writes.push(write);
}

/** Random probes first, so that servers do not race for the same address, then in order. */
async function freeAddress(objects: ObjectClient, range: AddressRange, service: Service) {
  const start = dynamicStart(range);
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const address = toAddress(start + Math.floor(Math.random() * (range.last - start + 1)));
    const write = await addressWrite(objects, address, service);
    if (write) return write;
  }
  const { items } = await objects.list(IPAddresses);
  const taken = new Set(items.map(({ key }) => key.name));
  for (let value = range.last; value >= range.first; value -= 1) {
    const address = toAddress(value);
    const write = taken.has(address) ? undefined : await addressWrite(objects, address, service);
    if (write) return write;
  }
  return undefined;
}

async function addressWrite(objects: ObjectClient, address: string, service: Service) {
  const { namespace = '', name = '' } = service.metadata ?? {};
  const object: IPAddress = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IPAddress',
    metadata: {
      name: address,
      labels: {
        'ipaddress.kubernetes.io/ip-family': 'IPv4',
        'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io',
      },
    },
    spec: { parentRef: { group: '', resource: 'services', namespace, name } },
  };
  const existing = await objects.get(IPAddresses, { name: address });
  const parent = existing?.value.spec.parentRef;
  const owned =
    existing !== undefined &&
    (await isHeld(objects, parent!, (owner) => clusterIPsOf(owner).includes(address)));
  return owned ? undefined : reservation(IPAddresses, object, existing);
}

async function portWrite(objects: ObjectClient, port: number, service: Service) {
  const { namespace = '', name = '' } = service.metadata ?? {};
  const object: NodePortReservation = {
    apiVersion: 'orlop.dev/v1',
    kind: 'NodePort',
    metadata: { name: String(port) },
    spec: { namespace, name },
  };
  const existing = await objects.get(NodePorts, { name: String(port) });
  const owned =
    existing !== undefined &&
    (await isHeld(objects, existing.value.spec, (owner) => nodePortsOf(owner).includes(port)));
  return owned ? undefined : reservation(NodePorts, object, existing);
}

/** Creates it, or takes it over from a Service that no longer has it, unless that changes meanwhile. */
function reservation<T extends KubeObject>(
  resource: Resource<T>,
  object: T,
  stale: StoredObject<T> | undefined,
): Write<T> & { object: T } {
  if (!stale) return { verb: 'create', resource, object };
  const metadata = { ...stale.value.metadata, ...object.metadata, resourceVersion: String(stale.revision) };
  return { verb: 'update', resource, object: { ...object, metadata } };
}

export async function isHeld(
  objects: ObjectClient,
  { namespace, name }: { namespace: string; name: string },
  holds: (service: Service) => boolean,
): Promise<boolean> {
  const owner = await objects.get(Services, { namespace, name });
  return owner !== undefined && holds(owner.value);
}

async function reservePorts(
  objects: ObjectClient,
  [first, last]: ServiceOptions['nodePorts'],
  service: Service,
  held: ReadonlySet<number>,
  writes: Write[],
  errors: FieldError[],
): Promise<void> {
  if (!needsNodePorts(service)) return;
  // Ports of the same number and different protocols share a node port.
  const mine = new Set(held);
  for (const [i, port] of (service.spec?.ports ?? []).entries()) {
    if (!port.nodePort) continue;
    if (mine.has(port.nodePort)) continue;
    const fail = (detail: string): void => {
      errors.push(invalid(`spec.ports[${i}].nodePort`, port.nodePort, detail));
    };
    if (port.nodePort < first || port.nodePort > last) {
      fail(`provided port is not in the valid range. The range of valid ports is ${first}-${last}`);
      continue;
    }
    const write = await portWrite(objects, port.nodePort, service);
    if (!write) fail('provided port is already allocated');
    else {
      writes.push(write);
      mine.add(port.nodePort);
    }
  }
  for (const port of service.spec?.ports ?? []) {
    if (port.nodePort) continue;
    const twin = service.spec!.ports!.find(
      (each) => each !== port && each.port === port.port && each.nodePort,
    );
    const shared = twin && twin.protocol !== port.protocol ? twin.nodePort : undefined;
    const write = shared === undefined ? await freePort(objects, [first, last], mine, service) : undefined;
    if (shared === undefined && !write) {
      errors.push(invalid('spec.ports', [], `failed to allocate a nodePort: range ${first}-${last} is full`));
      return;
    }
    port.nodePort = shared ?? Number(write!.object.metadata!.name);
    if (write) writes.push(write);
    mine.add(port.nodePort);
  }
}

async function freePort(
  objects: ObjectClient,
  [first, last]: ServiceOptions['nodePorts'],
  mine: ReadonlySet<number>,
  service: Service,
) {
  const size = last - first + 1;
  const start = Math.floor(Math.random() * size);
  for (let i = 0; i < size; i += 1) {
    const port = first + ((start + i) % size);
    if (mine.has(port)) continue;
    const write = await portWrite(objects, port, service);
    if (write) return write;
  }
  return undefined;
}
