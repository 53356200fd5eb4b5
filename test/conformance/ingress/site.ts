import {
  type EndpointSlice,
  EndpointSlices,
  type HTTPIngressPath,
  type Ingress,
  type IngressBackend,
  Ingresses,
  type ObjectClient,
  Services,
} from 'orlop/plugin';
import type { Checks } from '../checks.ts';
import { type Address, ask, type Question } from './client.ts';
import { Pod, type Seen } from './pod.ts';

type IngressSpec = NonNullable<Ingress['spec']>;

export const NAMESPACE = 'conformance';
export const DOMAIN = 'conformance.test';

const LEAST_PATIENCE_MS = 100;

/** The ingress that is looked at, and what it serves. */
export interface Site {
  readonly objects: ObjectClient;
  readonly http: Address;
  readonly https: Address | undefined;
  /** Of an IngressClass that is its own, and of one that is not. */
  readonly className: string;
  readonly otherClass: string;
  /** How long it may take to follow a change. Less each time that waiting was in vain, so that the suite of one that is idle ends. */
  patienceMs: number;
}

/** The pod that answers, or the status where none does. */
export async function whoAnswers(at: Address, question: Question): Promise<string> {
  try {
    const { status, text } = await ask(at, question);
    return status === 200 ? (JSON.parse(text) as Seen).pod : String(status);
  } catch (error) {
    return String(error);
  }
}

/** Checks that what `look` finds is `wanted`, or becomes so in time. */
export async function becomes(
  t: Checks,
  site: Pick<Site, 'patienceMs'>,
  look: () => Promise<unknown>,
  wanted: unknown,
  what: string,
): Promise<void> {
  const deadline = performance.now() + site.patienceMs;
  let found = await look();
  while (found !== wanted && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    found = await look();
  }
  if (found !== wanted) site.patienceMs = Math.max(site.patienceMs / 4, LEAST_PATIENCE_MS);
  t.equal(found, wanted, what);
}

/** Pods, each with a Service of its name. */
export async function pods<const Names extends readonly string[]>(
  t: Checks,
  { objects }: Pick<Site, 'objects'>,
  names: Names,
  namespace = NAMESPACE,
): Promise<Pod[]> {
  return await Promise.all(
    names.map(async (name) => {
      const pod = await Pod.start(t, namespace === NAMESPACE ? name : `${name} of ${namespace}`);
      await service(objects, name, namespace);
      await objects.create(EndpointSlices, slice(name, pod, { namespace }));
      return pod;
    }),
  );
}

export async function service(objects: ObjectClient, name: string, namespace = NAMESPACE): Promise<void> {
  await objects.create(Services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace },
    spec: {
      clusterIP: 'None',
      ports: [
        { name: 'http', port: 80 },
        { name: 'admin', port: 90 },
      ],
    },
  });
}

/** One for each pod, for each has a port of its own here. `admin`: who is at the Service's second port. */
export function slice(
  of: string,
  pod: { name: string; port: number },
  { namespace = NAMESPACE, ready = true, admin = pod } = {},
): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `${of}-${pod.port}`,
      namespace,
      labels: { 'kubernetes.io/service-name': of },
    },
    addressType: 'IPv4',
    ports: [
      { name: 'http', port: pod.port, protocol: 'TCP' },
      { name: 'admin', port: admin.port, protocol: 'TCP' },
    ],
    endpoints: [{ addresses: ['127.0.0.1'], conditions: { ready } }],
  };
}

export async function ingress(
  { objects, className }: Site,
  name: string,
  spec: IngressSpec,
  namespace = NAMESPACE,
): Promise<void> {
  await objects.create(Ingresses, {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name, namespace },
    spec: { ingressClassName: className, ...spec },
  });
}

/** All requests for a host to one Service. */
export function rule(host: string, name: string): NonNullable<IngressSpec['rules']>[number] {
  return { host, http: { paths: [path('/', name)] } };
}

export function path(
  path: string,
  name: string,
  pathType: HTTPIngressPath['pathType'] = 'Prefix',
): HTTPIngressPath {
  return { path, pathType, backend: backend(name) };
}

export function backend(
  name: string,
  port: { name?: string; number?: number } = { number: 80 },
): IngressBackend {
  return { service: { name, port } };
}
