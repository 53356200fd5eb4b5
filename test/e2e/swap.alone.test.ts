/** The whole cluster in one process, under a steady load, while its plugins are replaced again and again. */
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { Agent as HttpAgent, type IncomingMessage, request } from 'node:http';
import { Agent, type RequestOptions, request as requestTls } from 'node:https';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiServer, CertificateAuthority, Nodes, type Pod, Pods } from 'orlop/plugin';
import t, { type Test } from 'tap';
import { loadPlugin } from '../../kernel/host/declaration.ts';
import { standardPlugins } from '../../plugins/standard.ts';
import { eventually, type TestKernel, testKernel } from '../cluster.ts';
import { freePort } from './orlop.ts';

const ADMIN = 'a-token-of-this-test-only';
const HOST = 'web.test';
const NODE = 'node-1';
const ROUNDS = 50;
/** Of the API server, which gives its idle clients a second each time. */
const API_ROUNDS = 3;
/** Between the requests of one client. */
const PAUSE_MS = 5;
/** Docker needs an engine; the node controller would take the nodes of this test, which have no agent, for dead. */
const LEFT_OUT = ['runtime-docker', 'node-lifecycle-controller'];

interface Entry {
  module: string;
  config: object;
}

/** Sends requests to the API server as an administrator; throws what is not a success. */
type Api = (method: string, path: string, body?: object) => Promise<unknown>;

interface Options extends RequestOptions {
  /** Told which connection was used. */
  onSocket?: (socket: Socket) => void;
}

/** Throws when there is no answer. */
async function send(
  by: typeof request,
  { onSocket, ...options }: Options,
  body?: object,
): Promise<{ status: number | undefined; text: string }> {
  return await new Promise((resolve, reject) => {
    const outgoing = by({ host: '127.0.0.1', timeout: 30_000, ...options }, (answer: IncomingMessage) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => (text += chunk));
      answer.on('error', reject);
      answer.on('end', () => resolve({ status: answer.statusCode, text }));
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer within 30 s')));
    outgoing.on('error', reject);
    if (onSocket) outgoing.on('socket', onSocket);
    outgoing.end(body && JSON.stringify(body));
  });
}

async function expectOk(...given: Parameters<typeof send>): Promise<string> {
  const { status, text } = await send(...given);
  if (!status || status >= 300) throw new Error(`${status} ${text.trim()}`);
  return text;
}

/** Does `work` again and again until it is stopped; failures are kept as text. */
class Load {
  readonly name: string;
  done = 0;
  readonly failures: string[] = [];
  #going = true;
  readonly #ended: Promise<void>;

  constructor(name: string, work: (i: number) => Promise<unknown>, pause = PAUSE_MS) {
    this.name = name;
    this.#ended = this.#run(work, pause);
  }

  async #run(work: (i: number) => Promise<unknown>, pause: number): Promise<void> {
    for (let i = 0; this.#going; i += 1) {
      await work(i).then(
        () => (this.done += 1),
        (error: unknown) => this.failures.push(String(error)),
      );
      await sleep(pause);
    }
  }

  get seen(): number {
    return this.done + this.failures.length;
  }

  async stop(): Promise<void> {
    this.#going = false;
    await this.#ended;
  }
}

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
  const core = '/api/v1/namespaces/default';
  await api('POST', `${core}/secrets`, { metadata, type: 'kubernetes.io/tls', data: tls });
  const containers = [{ name: 'web', image: 'orlop.dev/hello:1' }];
  const nodeSelector = { 'kubernetes.io/hostname': NODE };
  const template = { metadata: { labels: { app: 'web' } }, spec: { nodeSelector, containers } };
  const selector = { app: 'web' };
  await api('POST', '/apis/apps/v1/namespaces/default/deployments', {
    metadata,
    spec: { replicas: 2, selector: { matchLabels: selector }, template },
  });
  const ports = [{ port: 80, targetPort: 8080 }];
  await api('POST', `${core}/services`, { metadata, spec: { selector, ports } });
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

/** Of every pod whose name begins so: the nodes it was seen bound to, one after another. */
function watchBindings(t: Test, { objects }: TestKernel, prefix: string): Map<string, string[]> {
  const bindings = new Map<string, string[]>();
  const watch = objects.watch<Pod>(
    Pods,
    { initial: true },
    {
      event({ object }) {
        const { metadata, spec } = object?.value ?? {};
        if (!metadata?.name?.startsWith(prefix)) return;
        const nodes = bindings.get(metadata.name) ?? [];
        bindings.set(metadata.name, nodes);
        if (spec?.nodeName && nodes.at(-1) !== spec.nodeName) nodes.push(spec.nodeName);
      },
      closed(error) {
        if (error) t.error(error);
      },
    },
  );
  t.teardown(() => watch.close());
  return bindings;
}

t.test('nothing fails while plugins are swapped under load', async (t) => {
  const range = `10.98.${randomInt(256)}.0/24`;
  t.teardown(() => {
    // The plugin leaves the route of its range in place; this range is this test's own.
    spawnSync('ip', ['route', 'del', 'local', range, 'dev', 'lo']);
  });
  const [httpPort, httpsPort] = [await freePort(), await freePort()];
  const entries = await standardEntries({
    apiserver: { port: 0, address: '127.0.0.1', serviceCIDR: range },
    auth: { adminToken: ADMIN },
    network: { podCIDR: '10.233.0.0/16' },
    loadbalancer: { serviceCIDR: range, nodePortAddress: '127.0.0.1' },
    ingress: { address: '127.0.0.1', httpPort, httpsPort },
  });
  const kernel = await testKernel(t, { plugins: [...entries.values()], node: NODE });
  const authority = kernel.service(CertificateAuthority);
  const ca = authority.certificate;
  const admin = { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json' };
  const { port } = kernel.service(ApiServer);
  const apiAgent = new Agent({ keepAlive: true, ca });
  const keptAgent = new HttpAgent({ keepAlive: true });
  const keptTlsAgent = new Agent({ keepAlive: true, ca });
  t.teardown(() => [apiAgent, keptAgent, keptTlsAgent].forEach((each) => void each.destroy()));
  const api: Api = (method, path, body) =>
    expectOk(requestTls, { port, method, path, headers: admin, agent: apiAgent }, body);

  const issued = await authority.issue({ commonName: HOST, usage: 'server', hosts: [HOST] });
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
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
  const bindings = watchBindings(t, kernel, 'pod-');
  const core = '/api/v1/namespaces/default';
  const paper = { nodeSelector: { paper: 'yes' }, containers: [{ name: 'main', image: 'none:1' }] };
  const loads = [
    new Load('kept', () => kept(request, { ...plain, agent: keptAgent })),
    new Load('kept 2', () => kept(request, { ...plain, agent: keptAgent })),
    new Load('kept TLS', () => kept(requestTls, { ...secure, agent: keptTlsAgent })),
    new Load('own', () => expectOk(request, { ...plain, agent: false })),
    // Its certificate is in a Secret: one that cannot be decoded is noticed.
    new Load('own TLS', () => expectOk(requestTls, { ...secure, ca, agent: false })),
    new Load('pods', (i) => api('POST', `${core}/pods`, { metadata: { name: `pod-${i}` }, spec: paper }), 30),
    new Load(
      'secrets',
      async (i) => {
        const data = { value: base64(`secret ${i}`) };
        await api('POST', `${core}/secrets`, { metadata: { name: `secret-${i}` }, data });
        for (const at of new Set([i, randomInt(i + 1)])) {
          const stored = JSON.parse((await api('GET', `${core}/secrets/secret-${at}`)) as string);
          if (stored.data.value !== base64(`secret ${at}`)) throw new Error(`secret-${at} is another`);
        }
      },
      30,
    ),
  ];

  const identity = { module: new URL('../../plugins/secrets/identity/index.js', import.meta.url).href };
  const swapped = ['scheduler', 'loadbalancer', 'ingress', 'secrets-aesgcm', 'runtime-wasm'];
  for (let round = 1; round <= ROUNDS; round += 1) {
    for (const name of swapped) {
      const entry = name === 'secrets-aesgcm' && round % 2 === 1 ? identity : entries.get(name)!;
      await kernel.swap(name, entry);
    }
    const goals = loads.map(({ seen }) => seen + 1);
    await eventually('the load goes on', () => loads.every(({ seen }, i) => seen >= goals[i]!));
  }
  t.equal(connections.size, 3, 'each client that keeps its connection has had one');
  for (let round = 1; round <= API_ROUNDS; round += 1) {
    await kernel.swap('apiserver', entries.get('apiserver')!);
  }
  await Promise.all(loads.map((load) => load.stop()));

  for (const { name, done, failures } of loads) {
    t.same(failures, [], `no failure of ${done} (${name})`);
    t.ok(done >= ROUNDS, `${name}: there was load`);
  }
  for (const name of swapped) {
    const status = kernel.plugins().find((each) => each.name === name);
    t.match(status, { phase: 'Running', revision: ROUNDS + 1, healthy: true }, name);
  }
  const pods = loads.find(({ name }) => name === 'pods')!.done;
  const unbound = (): string[] =>
    [...bindings].filter(([, nodes]) => nodes.length === 0).map(([name]) => name);
  await eventually('every pod is bound', () => bindings.size === pods && unbound().length === 0);
  const twice = [...bindings].filter(([, nodes]) => nodes.length !== 1);
  t.same(twice, [], 'each to one node');
});
