import { connect, isIPv4 } from 'node:net';
import type { Duplex } from 'node:stream';
import {
  type EndpointSlice,
  EndpointSlices,
  Nodes,
  nodeSubject,
  notFound,
  type Pod,
  Pods,
  type PortForwardParams,
  Services,
  StatusError,
} from 'orlop/plugin';
import type { Api, Call } from '../handlers/call.ts';
import { type ProxyName, parseProxyName } from './name.ts';

/** Where a proxied request goes. */
export interface Backend {
  readonly scheme: 'http' | 'https';
  /** `ADDRESS:PORT`, under which it may know itself. */
  readonly host: string;
  /** Throws ServiceUnavailable. */
  dial(signal: AbortSignal): Promise<Duplex>;
}

const DIAL_MS = 15_000;

/** The pod, Service or node that the path names. Throws NotFound, BadRequest or ServiceUnavailable. */
export function backendOf(call: Call): Promise<Backend> | Backend {
  const { row, path } = call;
  const kind = row.kind.toLowerCase();
  const name = parseProxyName(path.name ?? '', kind);
  if (row.kind === 'Pod') return podBackend(call, name);
  return row.kind === 'Service' ? serviceBackend(call, name) : nodeBackend(call, name);
}

/** Source: kubernetes `registry/core/pod/strategy.go`, ResourceLocation. */
async function podBackend({ api, row, path }: Call, { scheme, name, port }: ProxyName): Promise<Backend> {
  const pod = (await api.objects.get(Pods, { namespace: path.namespace, name }))?.value;
  if (!pod) throw notFound(row, name);
  const ports = pod.spec?.containers.flatMap((container) => container.ports ?? []) ?? [];
  const number = port === '' ? (ports[0]?.containerPort ?? (scheme === 'https' ? 443 : 80)) : Number(port);
  const named = ports.find((each) => each.name === port)?.containerPort;
  return { scheme, ...throughNode(api, pod, portNumber(named ?? number, port)) };
}

/** Source: kubernetes `registry/core/service/storage/storage.go`, ResourceLocation. */
async function serviceBackend({ api, row, path }: Call, { scheme, name, port }: ProxyName): Promise<Backend> {
  const { namespace } = path;
  const service = (await api.objects.get(Services, { namespace, name }))?.value;
  if (!service) throw notFound(row, name);
  const declared = /^\d+$/.test(port)
    ? service.spec?.ports?.find((each) => each.port === Number(port))
    : { name: port };
  if (!declared) throw unavailable(`no service port ${port} found for service ${JSON.stringify(name)}`);
  const { items } = await api.objects.list(EndpointSlices, {
    namespace,
    where: ({ metadata }) => metadata?.labels?.['kubernetes.io/service-name'] === name,
  });
  const endpoints = items.flatMap(({ value }) => readyEndpoints(value, declared.name ?? ''));
  const chosen = endpoints[Math.floor(Math.random() * endpoints.length)];
  if (!chosen) throw unavailable(`no endpoints available for service ${JSON.stringify(path.name)}`);
  const pod =
    chosen.pod === undefined ? undefined : await api.objects.get(Pods, { namespace, name: chosen.pod });
  return { scheme, ...(pod ? throughNode(api, pod.value, chosen.port) : directly(chosen)) };
}

interface Endpoint {
  address: string;
  port: number;
  pod: string | undefined;
}

function readyEndpoints({ endpoints, ports }: EndpointSlice, portName: string): Endpoint[] {
  const port = ports?.find((each) => (each.name ?? '') === portName)?.port;
  if (port === undefined) return [];
  return (endpoints ?? []).flatMap(({ addresses, conditions, targetRef }) => {
    const [address] = addresses;
    if (address === undefined || conditions?.ready === false) return [];
    return [{ address, port, pod: targetRef?.kind === 'Pod' ? targetRef.name : undefined }];
  });
}

/** What its node agent serves. */
async function nodeBackend({ api, row }: Call, { name, port }: ProxyName): Promise<Backend> {
  if (!(await api.objects.get(Nodes, { name }))) throw notFound(row, name);
  if (port !== '' && port !== KUBELET_PORT) {
    throw new StatusError(
      'BadRequest',
      `a node serves its agent only, at port ${KUBELET_PORT}: not at ${port}`,
    );
  }
  return {
    scheme: 'http',
    host: `${name}:${KUBELET_PORT}`,
    dial: (signal) =>
      api.sessions.bus.openStream(nodeSubject(name, 'kubelet'), null, { signal, timeout: DIAL_MS }),
  };
}

const KUBELET_PORT = '10250';

/** A pod is reached by the agent of its node, behind NAT too. */
function throughNode(api: Api, { metadata, spec, status }: Pod, port: number): Omit<Backend, 'scheme'> {
  const { namespace = '', name = '', uid } = metadata ?? {};
  const node = spec?.nodeName;
  if (!node || !status?.podIP) {
    throw unavailable(`error trying to reach service: pod ${JSON.stringify(name)} has no address yet`);
  }
  const params: PortForwardParams = { namespace, pod: name, port, ...(uid === undefined ? {} : { uid }) };
  return {
    host: `${status.podIP}:${port}`,
    dial: (signal) =>
      api.sessions.bus.openStream(
        nodeSubject(node, 'portforward'),
        { ...params },
        { signal, timeout: DIAL_MS },
      ),
  };
}

/** An endpoint that is no pod is dialled from here. */
function directly({ address, port }: Endpoint): Omit<Backend, 'scheme'> {
  if (!isProxyable(address)) throw new StatusError('BadRequest', 'address not allowed');
  return {
    host: `${address}:${port}`,
    dial: (signal) =>
      new Promise((resolve, reject) => {
        const socket = connect({ host: address, port, signal, timeout: DIAL_MS });
        const refuse = (error: Error): void => {
          socket.destroy();
          reject(unavailable(`error trying to reach service: ${error.message}`));
        };
        socket.once('error', refuse);
        socket.once('timeout', () => refuse(new Error(`dial tcp ${address}:${port}: timed out`)));
        socket.once('connect', () => {
          socket.setTimeout(0).off('error', refuse);
          resolve(socket);
        });
      }),
  };
}

/** Whoever writes an EndpointSlice shall not reach what listens for this machine alone. Source: kubernetes `proxy.IsProxyableIP`. */
function isProxyable(address: string): boolean {
  if (isIPv4(address)) return !/^(?:127|0)\./.test(address) && !address.startsWith('169.254.');
  return !/^(?:::1?$|fe[89ab]|::ffff:)/i.test(address);
}

function portNumber(port: number, text: string): number {
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  throw new StatusError('BadRequest', `${JSON.stringify(text)} is not a port of the pod`);
}

function unavailable(message: string): StatusError {
  return new StatusError('ServiceUnavailable', message);
}
