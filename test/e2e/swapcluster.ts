/** The whole cluster in one process under a steady load: requests through the Ingress, pods, volumes, Secrets. */
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { Agent as HttpAgent, request } from 'node:http';
import { Agent, type RequestOptions, request as requestTls } from 'node:https';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { ApiServer, attend, CertificateAuthority, Nodes, type Pod, Pods } from 'orlop/plugin';
import type { Test } from 'tap';
import { loadPlugin } from '../../kernel/host/declaration.ts';
import { lineLogger } from '../../kernel/log.ts';
import { stablePorts } from '../../plugins/cli/ports.ts';
import { loaders, standardPlugins } from '../../plugins/standard.ts';
import { eventually, type TestKernel, testKernel } from '../cluster.ts';
import { type Kubectl, kubectl } from '../kubectl.ts';
import { expectOk, Load, type Options } from './steady.ts';
import { type VolumePods, volumePods } from './volumepods.ts';

const ADMIN = 'a-token-of-this-test-only';
const HOST = 'web.test';
const NODE = 'node-1';
const CORE = '/api/v1/namespaces/default';
/** Docker needs an engine; the node controller would take the nodes of this test, which have no agent, for dead. */
const LEFT_OUT = ['runtime-docker', 'node-lifecycle-controller'];

export interface Entry {
  module: string;
  config: object;
}

/** Sends requests to the API server as an administrator; throws what is not a success. */
export type Api = (method: string, path: string, body?: object) => Promise<string>;

export interface LoadedCluster {
  readonly kernel: TestKernel;
  /** The standard plugins that run anywhere, by name. */
  readonly entries: ReadonlyMap<string, Entry>;
  readonly kubectl: Kubectl;
  /** Returns when all of the load but the volumes, which take longer, has made another turn. */
  goesOn(): Promise<void>;
  /** Ends the load and looks whether anything failed, was lost, was started again or is left over. */
  verdict(): Promise<void>;
}

export async function loadedCluster(t: Test): Promise<LoadedCluster> {
  const range = `10.98.${randomInt(256)}.0/24`;
  t.teardown(() => {
    // The plugin leaves the route of its range in place; this range is this test's own.
    spawnSync('ip', ['route', 'del', 'local', range, 'dev', 'lo']);
  });
  const [httpPort, httpsPort] = (await stablePorts(2)) as [number, number];
  const entries = await standardEntries({
    apiserver: { port: 0, address: '127.0.0.1', serviceCIDR: range },
    auth: { adminToken: ADMIN },
    network: { podCIDR: '10.233.0.0/16' },
    loadbalancer: { serviceCIDR: range, nodePortAddress: '127.0.0.1' },
    ingress: { address: '127.0.0.1', httpPort, httpsPort },
    // As `orlop up` has it.
    node: { stopPodsAtExit: true },
  });
  const lines: string[] = [];
  const log = lineLogger((line) => lines.push(line));
  const kernel = await testKernel(t, {
    plugins: [...entries.values()],
    node: NODE,
    log,
    loaders: { ...loaders, '.broken': new URL('./brokenplugins.js', import.meta.url).href },
  });
  t.teardown(() => {
    if (!t.passing()) t.comment(lines.slice(-200).join('\n'));
  });
  const authority = kernel.service(CertificateAuthority);
  const ca = authority.certificate;
  const headers = { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json' };
  const { port, url } = kernel.service(ApiServer);
  const agents = { api: new Agent({ keepAlive: true, ca }), kept: new HttpAgent({ keepAlive: true }) };
  const tls = new Agent({ keepAlive: true, ca });
  t.teardown(() => {
    for (const each of [agents.api, agents.kept, tls]) each.destroy();
  });
  const api: Api = (method, path, body) =>
    expectOk(requestTls, { port, method, path, headers, agent: agents.api }, body);

  const issued = await authority.issue({ commonName: HOST, usage: 'server', hosts: [HOST] });
  await serveHello(api, { 'tls.crt': base64(issued.certificate), 'tls.key': base64(issued.key) });
  await paperNodes(kernel);
  const plain: RequestOptions = { port: httpPort, headers: { host: HOST } };
  const secure: RequestOptions = { port: httpsPort, headers: { host: HOST }, servername: HOST };
  await eventually('the Ingress serves', () =>
    Promise.all([
      expectOk(request, { ...plain, agent: false }),
      expectOk(requestTls, { ...secure, ca, agent: false }),
    ]).catch(() => undefined),
  );

  const connections = new Set<Socket>();
  const kept = (by: typeof request, options: Options): Promise<string> =>
    expectOk(by, { ...options, onSocket: (socket) => connections.add(socket) });
  const seen = watchPods(t, kernel);
  const left: string[] = [];
  const attendance = attend(kernel.bus, (change, { id }) => void (change === 'left' && left.push(id)));
  t.teardown(() => attendance.close());
  const volumes = await volumePods(t, kernel, api, NODE);
  const web = await servers(api);
  const paper = { nodeSelector: { paper: 'yes' }, containers: [{ name: 'main', image: 'none:1' }] };
  const quick = [
    new Load('kept', () => kept(request, { ...plain, agent: agents.kept })),
    new Load('kept 2', () => kept(request, { ...plain, agent: agents.kept })),
    new Load('kept TLS', () => kept(requestTls, { ...secure, agent: tls })),
    new Load('own', () => expectOk(request, { ...plain, agent: false })),
    // Its certificate is in a Secret: one that cannot be decoded is noticed.
    new Load('own TLS', () => expectOk(requestTls, { ...secure, ca, agent: false })),
    new Load('pods', (i) => api('POST', `${CORE}/pods`, { metadata: { name: `pod-${i}` }, spec: paper }), 30),
    new Load('secrets', (i) => keepSecret(api, i), 30),
    new Load('changes', (i) => volumes.change(i), 30),
  ];
  const loads = [
    ...quick,
    new Load('volumes', (i) => volumes.come(`volume-a-${i}`)),
    new Load('volumes 2', (i) => volumes.come(`volume-b-${i}`)),
  ];

  return {
    kernel,
    entries,
    kubectl: kubectl(kubeconfig(kernel.dataDir, url, ca)),
    async goesOn() {
      const goals = quick.map((load) => load.seen + 1);
      await eventually('the load goes on', () => quick.every((load, i) => load.seen >= goals[i]!));
    },
    async verdict() {
      await Promise.all(loads.map((load) => load.stop()));
      for (const { name, done, failures } of loads) t.same(failures, [], `no failure of ${done} (${name})`);
      t.equal(connections.size, 3, 'each client that keeps its connection has had one');
      await checkPods(t, seen, quick.find(({ name }) => name === 'pods')!.done);
      t.same(await servers(api), web, 'the servers are those that were there, and none was started again');
      await checkVolumes(t, volumes);
      const { items } = JSON.parse(await api('GET', '/api/v1/events')) as { items: Warning[] };
      const warnings = items.flatMap(({ type, reason, message }) =>
        type === 'Warning' ? [`${reason} ${message}`] : [],
      );
      const asked = /^Refused plugin ".*" was not swapped, revision \d+ goes on: is unhealthy: fever$/;
      t.same(
        warnings.filter((each) => !asked.test(each)),
        [],
        'no warning but of the plugins that were made to be refused',
      );
      t.same(left, [], 'the kernel was alive all the time');
      for (const { name, phase, healthy, lastError } of kernel.plugins()) {
        t.same(
          { phase, healthy, lastError },
          { phase: 'Running', healthy: true, lastError: undefined },
          name,
        );
      }
      const complaints = lines.filter((line) => / (warn|error) /.test(line));
      t.same(complaints, [], 'nothing to complain of in the log');
    },
  };
}

interface Warning {
  type: string;
  reason: string;
  message: string;
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** The standard plugins that run anywhere, by name. */
async function standardEntries(configs: Record<string, object>): Promise<Map<string, Entry>> {
  const entries = new Map<string, Entry>();
  for (const { module } of standardPlugins(['server', 'node'])) {
    const { name } = (await loadPlugin({ module })).declaration;
    if (!LEFT_OUT.includes(name)) entries.set(name, { module, config: configs[name] ?? {} });
  }
  return entries;
}

/** A Deployment of the hello component, its Service, and an Ingress with a certificate. */
async function serveHello(api: Api, tls: Record<string, string>): Promise<void> {
  const metadata = { name: 'web' };
  await api('POST', `${CORE}/secrets`, { metadata, type: 'kubernetes.io/tls', data: tls });
  const containers = [{ name: 'web', image: 'orlop.dev/hello:1' }];
  const nodeSelector = { 'kubernetes.io/hostname': NODE };
  const template = { metadata: { labels: { app: 'web' } }, spec: { nodeSelector, containers } };
  const selector = { app: 'web' };
  await api('POST', '/apis/apps/v1/namespaces/default/deployments', {
    metadata,
    spec: { replicas: 2, selector: { matchLabels: selector }, template },
  });
  const ports = [{ port: 80, targetPort: 8080 }];
  await api('POST', `${CORE}/services`, { metadata, spec: { selector, ports } });
  const backend = { service: { name: 'web', port: { number: 80 } } };
  const rules = [{ host: HOST, http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }];
  await api('POST', '/apis/networking.k8s.io/v1/namespaces/default/ingresses', {
    metadata,
    spec: { tls: [{ hosts: [HOST], secretName: 'web' }], rules },
  });
}

/** Nodes that take pods and run none: binding is all that is looked at. */
async function paperNodes({ objects }: TestKernel): Promise<void> {
  const resources = { cpu: '64', memory: '256Gi', pods: '10000' };
  const conditions = [{ type: 'Ready', status: 'True' }];
  for (const name of ['paper-1', 'paper-2', 'paper-3']) {
    await objects.create(Nodes, {
      metadata: { name, labels: { paper: 'yes' } },
      status: { capacity: resources, allocatable: resources, conditions },
    });
  }
}

/** Makes one, and reads it and an older one back. */
async function keepSecret(api: Api, i: number): Promise<void> {
  const data = { value: base64(`secret ${i}`) };
  await api('POST', `${CORE}/secrets`, { metadata: { name: `secret-${i}` }, data });
  for (const at of new Set([i, randomInt(i + 1)])) {
    const stored = JSON.parse(await api('GET', `${CORE}/secrets/secret-${at}`));
    if (stored.data.value !== base64(`secret ${at}`)) throw new Error(`secret-${at} is another`);
  }
}

/** The pods that serve: which they are, and how often they were started again. */
async function servers(api: Api): Promise<unknown> {
  const { items } = JSON.parse(await api('GET', `${CORE}/pods?labelSelector=app`)) as { items: Pod[] };
  return items.map(({ metadata, status }) => [
    metadata!.uid,
    status!.podIP,
    status!.containerStatuses?.map(({ restartCount }) => restartCount),
  ]);
}

interface Seen {
  /** Of every pod for the paper nodes: the nodes it was seen bound to, one after another. */
  readonly bindings: Map<string, string[]>;
  /** Pods that had an address while another had it. */
  readonly doubles: string[];
}

function watchPods(t: Test, { objects }: TestKernel): Seen {
  const bindings = new Map<string, string[]>();
  const doubles: string[] = [];
  const addresses = new Map<string, string>();
  const watch = objects.watch<Pod>(
    Pods,
    { initial: true },
    {
      event({ type, object }) {
        const { metadata, spec, status } = object?.value ?? {};
        const { name = '', uid = '' } = metadata ?? {};
        const ended = type === 'DELETED' || status?.phase === 'Succeeded';
        if (status?.podIP !== undefined) {
          const holder = addresses.get(status.podIP);
          if (ended && holder === uid) addresses.delete(status.podIP);
          if (!ended) addresses.set(status.podIP, uid);
          if (!ended && holder !== undefined && holder !== uid) doubles.push(`${name} ${status.podIP}`);
        }
        if (!name.startsWith('pod-')) return;
        const nodes = bindings.get(name) ?? [];
        bindings.set(name, nodes);
        if (spec?.nodeName && nodes.at(-1) !== spec.nodeName) nodes.push(spec.nodeName);
      },
      closed(error) {
        if (error) t.error(error);
      },
    },
  );
  t.teardown(() => watch.close());
  return { bindings, doubles };
}

async function checkPods(t: Test, { bindings, doubles }: Seen, made: number): Promise<void> {
  const unbound = (): boolean => [...bindings.values()].some((nodes) => nodes.length === 0);
  await eventually('every pod is bound', () => bindings.size === made && !unbound());
  const twice = [...bindings].filter(([, nodes]) => nodes.length !== 1);
  t.same(twice, [], `each of ${made} pods to one node`);
  t.same(doubles, [], 'no address was two pods’ at once');
}

async function checkVolumes(t: Test, volumes: VolumePods): Promise<void> {
  await eventually('the volume of a pod that stays shows the last change', () => volumes.isUpToDate());
  await eventually('no folder is left of pods that are gone', () => volumes.leftovers().length === 0).catch(
    () => t.same(volumes.leftovers(), []),
  );
}

function kubeconfig(folder: string, server: string, ca: string): string {
  const path = join(folder, 'kubeconfig');
  const content = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server, 'certificate-authority-data': base64(ca) } }],
    users: [{ name: 'u', user: { token: ADMIN } }],
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'c',
  };
  writeFileSync(path, JSON.stringify(content));
  return path;
}
