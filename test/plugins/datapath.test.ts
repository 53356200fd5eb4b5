import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { type Agent, createServer, type IncomingMessage, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { EndpointSlices, IngressClasses, Ingresses, Services } from 'orlop/plugin';
import t, { type Test } from 'tap';
import { stablePort } from '../../plugins/cli/ports.ts';
import { formatCidr } from '../../plugins/network/cidr.ts';
import { routedRanges } from '../../plugins/network/routes.ts';
import { eventually, type TestKernel, testKernel } from '../cluster.ts';

const module = (path: string) => new URL(`../../plugins/${path}/index.js`, import.meta.url).href;

async function backend(t: Test, name: string): Promise<{ port: number; server: Server }> {
  const server = createServer((_incoming, outgoing) => outgoing.end(name));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  return { port: (server.address() as AddressInfo).port, server };
}

/** One slice per backend, for each has a port of its own here. */
async function endpoint(kernel: TestKernel, name: string, port: number): Promise<void> {
  await kernel.objects.create(EndpointSlices, {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { namespace: 'default', name, labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    ports: [{ port, protocol: 'TCP' }],
    endpoints: [{ addresses: ['127.0.0.1'], conditions: { ready: true } }],
  });
}

async function get(host: string, port: number, agent: Agent | false = false): Promise<string> {
  const outgoing = request({ host, port, headers: { host: 'web.test' }, agent });
  outgoing.end();
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of answer) text += String(chunk);
  return `${answer.statusCode} ${text}`;
}

t.test(
  'an Ingress and a Service are served by a kernel, and endpoints and plugins change under load',
  async (t) => {
    const range = `10.97.${randomInt(255)}`;
    const balancer = { serviceCIDR: `${range}.0/24`, nodePortAddress: '127.0.0.1' };
    const ingress = { address: '127.0.0.1', httpPort: 0, httpsPort: await stablePort() };
    const kernel = await testKernel(t, {
      node: 'n',
      plugins: [
        { module: module('secrets/aesgcm') },
        { module: module('loadbalancer'), config: balancer },
        { module: module('ingress'), config: ingress },
      ],
    });
    const one = await backend(t, 'one');
    await endpoint(kernel, 'one', one.port);
    const nodePort = 30_000 + randomInt(2_768);
    await kernel.objects.create(Services, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace: 'default', name: 'web' },
      spec: { type: 'NodePort', clusterIP: `${range}.9`, ports: [{ port: 80, nodePort }] },
    });
    const path = {
      path: '/',
      pathType: 'Prefix',
      backend: { service: { name: 'web', port: { number: 80 } } },
    };
    await kernel.objects.create(Ingresses, {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: { namespace: 'default', name: 'web' },
      spec: { rules: [{ host: 'web.test', http: { paths: [path] } }] },
    });
    const port = await eventually('the Ingress has an address', async () => {
      const stored = (await kernel.objects.get(Ingresses, { namespace: 'default', name: 'web' }))?.value;
      return stored?.status?.loadBalancer?.ingress?.[0]?.ports?.[0]?.port;
    });
    const served = async (expected: string) =>
      await eventually(
        `the Ingress answers ${expected}`,
        async () => (await get('127.0.0.1', port)) === expected,
      );
    await served('200 one');
    t.match((await kernel.objects.get(IngressClasses, { name: 'orlop' }))?.value.spec, {
      controller: 'orlop.dev/ingress',
    });
    const reached = async (host: string, at: number) =>
      await eventually(`${host}:${at} answers`, () => get(host, at).catch(() => undefined));
    t.equal(await reached('127.0.0.1', nodePort), '200 one', 'by node port');
    const root = process.platform === 'linux' && process.getuid?.() === 0;
    if (root) t.equal(await reached(`${range}.9`, 80), '200 one', 'by cluster IP');

    let going = true;
    const answers = new Map<string, number>();
    const load = async (host: string, at: number, agent: Agent | false): Promise<void> => {
      while (going) {
        const answer = await get(host, at, agent).catch((error: unknown) => String(error));
        answers.set(answer, (answers.get(answer) ?? 0) + 1);
      }
    };
    const loads = [
      load('127.0.0.1', port, false),
      load('127.0.0.1', port, false),
      load('127.0.0.1', nodePort, false),
    ];
    const two = await backend(t, 'two');
    await endpoint(kernel, 'two', two.port);
    await eventually('the new endpoint serves', () => answers.get('200 two'));
    await kernel.objects.delete(EndpointSlices, { namespace: 'default', name: 'one' });
    await eventually('the old one gets nothing new', async () => {
      const before = answers.get('200 one');
      const target = (answers.get('200 two') ?? 0) + 30;
      await eventually('requests pass', () => (answers.get('200 two') ?? 0) > target);
      return answers.get('200 one') === before;
    });
    one.server.close();

    // New connections wait for the successor; kept ones end after their present response.
    for (const [name, config] of [
      ['loadbalancer', balancer],
      ['ingress', ingress],
    ] as const) {
      await kernel.swap(name, { module: module(name), config });
      const target = (answers.get('200 two') ?? 0) + 30;
      await eventually('requests pass', () => (answers.get('200 two') ?? 0) > target);
    }
    going = false;
    await Promise.all(loads);
    t.same([...answers.keys()].sort(), ['200 one', '200 two'], 'no request failed');

    await kernel.objects.delete(Services, { namespace: 'default', name: 'web' });
    await eventually('without its Service there is no endpoint', async () =>
      (await get('127.0.0.1', port)).startsWith('503'),
    );
    await eventually('and nothing listens on its node port', () =>
      get('127.0.0.1', nodePort).then(
        () => false,
        () => true,
      ),
    );
    const isRouted = async () => (await routedRanges()).some((each) => formatCidr(each) === `${range}.0/24`);
    if (root) t.ok(await isRouted(), 'through swaps');
    await kernel.stop();
    t.notOk(await isRouted(), 'a cluster that stops takes its route along');
  },
);
