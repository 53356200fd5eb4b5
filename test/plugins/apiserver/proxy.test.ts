/** Requests through the API server to pods, Services and nodes: over the bus, to servers that stand in for a pod's. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, get as httpGet, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer, request as httpsRequest } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { text } from 'node:stream/consumers';
import { CertificateAuthority, EndpointSlices, Pods, Services } from 'orlop/plugin';
import t, { type Test } from 'tap';
import { WebSocket, WebSocketServer } from 'ws';
import { requestHeaders } from '../../../plugins/apiserver/proxy/headers.ts';
import { parseProxyName } from '../../../plugins/apiserver/proxy/name.ts';
import { rewriteLocation } from '../../../plugins/apiserver/proxy/redirect.ts';
import { eventually } from '../../cluster.ts';
import { kubectlPath } from '../../kubectl.ts';
import { fakeNode } from '../node/cluster.ts';
import { TOKEN, testApi } from './cluster.ts';

// Every pod is this machine.
const { plugins } = fakeNode(t, '127.0.0.');
const { kernel, kubectl, kubeconfig, request, url } = await testApi(t, {
  node: 'n1',
  plugins,
  config: { node: { defaultRuntime: 'fake' } },
});
const ca = kernel.service(CertificateAuthority);

/** Says what it was asked. */
function echo(incoming: IncomingMessage, outgoing: ServerResponse): void {
  const { method, url: path = '', headers } = incoming;
  if (path === '/moved') {
    outgoing.writeHead(302, { location: '/elsewhere?x=1' }).end();
    return;
  }
  if (path === '/dies') {
    outgoing.write('half');
    setTimeout(() => outgoing.destroy(), 20);
    return;
  }
  if (path === '/stream') {
    // Each piece only after the one it answers to has come.
    incoming.on('data', (chunk: Buffer) => outgoing.write(`got ${chunk.toString()};`));
    incoming.on('end', () => outgoing.end('end'));
    return;
  }
  void text(incoming).then((body) => {
    outgoing.writeHead(method === 'PUT' ? 201 : 200, {
      'content-type': 'application/json',
      'x-own': 'yes',
      'access-control-allow-origin': '*',
    });
    outgoing.end(JSON.stringify({ method, path, headers, body }));
  });
}

async function listen(test: Test, server: Server): Promise<number> {
  server.listen(0, '0.0.0.0');
  await once(server, 'listening');
  test.teardown(() => void server.close());
  return (server.address() as AddressInfo).port;
}

const { certificate, key } = await ca.issue({ commonName: 'pod', usage: 'server', hosts: ['elsewhere'] });
const plain = createServer(echo);
const port = await listen(t, plain);
const securePort = await listen(t, createSecureServer({ cert: certificate, key }, echo));
const sockets = new WebSocketServer({ server: plain });
sockets.on('connection', (ws) => ws.on('message', (data) => ws.send(`echo ${String(data)}`)));

const PODS = '/api/v1/namespaces/default/pods';
const SERVICES = '/api/v1/namespaces/default/services';

t.before(async () => {
  await kernel.objects.create(Pods, {
    metadata: { name: 'web', namespace: 'default' },
    spec: {
      nodeName: 'n1',
      containers: [{ name: 'main', image: 'app:1', ports: [{ name: 'http', containerPort: port }] }],
    },
  });
  await eventually('the pod runs', async () => {
    const pod = (await kernel.objects.get(Pods, { namespace: 'default', name: 'web' }))?.value;
    return pod?.status?.phase === 'Running' && pod.status.podIP;
  });
  const ports = [
    { name: '', port: 80 },
    { name: 'tls', port: 443 },
  ];
  for (const name of ['web', 'empty', 'outside']) {
    await kernel.objects.create(Services, { metadata: { name, namespace: 'default' }, spec: { ports } });
  }
  await slice('web', '127.0.0.2', { kind: 'Pod', name: 'web', namespace: 'default' });
  await slice('outside', '127.0.0.2');
});

async function slice(
  service: string,
  address: string,
  targetRef?: { kind: string; name: string; namespace: string },
) {
  await kernel.objects.create(EndpointSlices, {
    metadata: { name: service, namespace: 'default', labels: { 'kubernetes.io/service-name': service } },
    addressType: 'IPv4',
    endpoints: [{ addresses: [address], conditions: { ready: true }, ...(targetRef ? { targetRef } : {}) }],
    ports: [
      { name: '', port },
      { name: 'tls', port: securePort },
    ],
  });
}

t.test('every method reaches the pod', async (t) => {
  for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
    const body = method === 'GET' || method === 'OPTIONS' ? undefined : `{"by":"${method}"}`;
    const answer = await request(method, `${PODS}/web/proxy/a/b%20c/?q=1&r=%2F`, body);
    t.equal(answer.code, method === 'PUT' ? 201 : 200, answer.text);
    t.match(answer.body, { method, path: '/a/b%20c/?q=1&r=%2F', body: body ?? '' });
    t.match(answer.headers, { 'x-own': 'yes', 'access-control-allow-origin': undefined });
  }
  const { body } = await request('GET', `${PODS}/web:${port}/proxy/`, undefined, { 'x-mine': 'yes' });
  t.match(body.headers, { 'x-mine': 'yes', authorization: undefined, 'x-forwarded-for': /127\.0\.0\.1/ });
  t.match((await request('GET', `${PODS}/web:http/proxy/named`)).body, { path: '/named' });
  t.match((await request('GET', `${PODS}/https:web:${securePort}/proxy/safe`)).body, { path: '/safe' });
  const head = await request('HEAD', `${PODS}/web/proxy/x`);
  t.match(head, { code: 200, text: '', headers: { 'x-own': 'yes' } });
});

t.test('kubectl', async (t) => {
  t.match(JSON.parse(await kubectl.ok(`get --raw ${SERVICES}/web:80/proxy/hello`)), { path: '/hello' });
  t.match(JSON.parse(await kubectl.ok(`get --raw ${SERVICES}/https:web:tls/proxy/hello`)), {
    path: '/hello',
  });
  t.match(JSON.parse(await kubectl.ok(`get --raw ${SERVICES}/web/proxy/`)), { path: '/' });
  const child = spawn(kubectlPath(), ['proxy', '--port=0'], {
    env: { ...process.env, KUBECONFIG: kubeconfig },
  });
  t.teardown(() => child.kill());
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const local = `http://127.0.0.1:${/:(\d+)/.exec(line.toString())![1]}`;
  const response = await new Promise<IncomingMessage>((resolve) =>
    httpGet(`${local}${SERVICES}/web/proxy/moved`, resolve),
  );
  response.resume();
  t.equal(response.headers.location, `${SERVICES}/web/proxy/elsewhere?x=1`, 'a redirect stays within');
});

t.test('streams, both ways', async (t) => {
  const options = {
    method: 'POST',
    ca: ca.certificate,
    headers: { authorization: `Bearer ${TOKEN}` },
    agent: false,
  };
  const outgoing = httpsRequest(`${url}${PODS}/web/proxy/stream`, options);
  const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>;
  outgoing.write('one');
  const [incoming] = await answered;
  t.equal(String((await once(incoming, 'data'))[0]), 'got one;');
  outgoing.write('two');
  t.equal(String((await once(incoming, 'data'))[0]), 'got two;');
  outgoing.end();
  t.equal(await text(incoming), 'end');
  const left = httpsRequest(`${url}${PODS}/web/proxy/stream`, options);
  left.on('error', () => {});
  left.write('one');
  await once(left, 'response');
  left.destroy();
  await eventually('the pod sees that its client has left', async () => {
    return (await new Promise((resolve) => plain.getConnections((_error, count) => resolve(count)))) === 0;
  });
  await t.rejects(request('GET', `${PODS}/web/proxy/dies`), 'an answer that is cut short is not whole');
});

t.test('WebSockets', async (t) => {
  const headers = { authorization: `Bearer ${TOKEN}` };
  const ws = new WebSocket(`${url.replace('https', 'wss')}${SERVICES}/web/proxy/socket`, {
    ca: ca.certificate,
    headers,
  });
  await once(ws, 'open');
  for (const word of ['one', 'x'.repeat(200_000)]) {
    ws.send(word);
    t.equal(String((await once(ws, 'message'))[0]), `echo ${word}`);
  }
  const closed = once(ws, 'close');
  ws.close();
  await closed;
  await eventually('the pod knows', () => sockets.clients.size === 0);
});

t.test('what cannot be reached is said', async (t) => {
  const refused = async (path: string, code: number, message: RegExp | string): Promise<void> => {
    t.match(await request('GET', path), { code, body: { kind: 'Status', message } }, path);
  };
  await refused(`${PODS}/none/proxy/`, 404, 'pods "none" not found');
  await refused(`${SERVICES}/none/proxy/`, 404, 'services "none" not found');
  await refused(`${SERVICES}/empty/proxy/`, 503, 'no endpoints available for service "empty"');
  await refused(`${SERVICES}/web:81/proxy/`, 503, 'no service port 81 found for service "web"');
  await refused(`${SERVICES}/ftp:web:80/proxy/`, 400, 'invalid service request "ftp:web:80"');
  await refused(
    `${PODS}/web:1/proxy/`,
    503,
    /error trying to reach service: .*127\.0\.0\.2:1 .*ECONNREFUSED/,
  );
  await refused(`${PODS}/web:nope/proxy/`, 400, /"nope" is not a port/);
  await refused(`${PODS}/https:web:${port}/proxy/`, 503, /error trying to reach service/);
  await refused(`${SERVICES}/outside/proxy/`, 400, 'address not allowed');
  await refused(`${PODS}/web/exec/deeper`, 404, /could not find/);
  const bare = await request('GET', `${PODS}/web/proxy?a=b`);
  t.match(bare, { code: 301, headers: { location: `${PODS}/web/proxy/?a=b` } });
  t.match(await kubectl(`get --raw ${SERVICES}/empty/proxy/`), {
    code: 1,
    stderr: /no endpoints available for service "empty"/,
  });
});

t.test("a node's agent", async (t) => {
  const node = '/api/v1/nodes/n1/proxy';
  t.equal(await kubectl.ok(`get --raw ${node}/healthz`), 'ok');
  t.match(JSON.parse(await kubectl.ok(`get --raw ${node}/pods`)), {
    kind: 'PodList',
    items: [{ metadata: { name: 'web' } }],
  });
  const summary = JSON.parse(await kubectl.ok(`get --raw /api/v1/nodes/https:n1:10250/proxy/stats/summary`));
  t.match(summary, {
    node: { nodeName: 'n1', cpu: { usageNanoCores: Number }, memory: { workingSetBytes: Number } },
    pods: [
      {
        podRef: { name: 'web', namespace: 'default' },
        containers: [{ name: 'main' }],
        cpu: { time: String },
      },
    ],
  });
  const metrics = await kubectl.ok(`get --raw ${node}/metrics/resource`);
  t.match(metrics, /^node_cpu_usage_seconds_total \d+(\.\d+)? \d{13}$/m);
  t.match(
    metrics,
    /^container_memory_working_set_bytes\{container="main",namespace="default",pod="web"\} 0 \d{13}$/m,
  );
  t.match(await request('GET', `${node}/nothing`), { code: 404, text: '404 page not found\n' });
  t.equal((await request('DELETE', `${node}/pods`)).code, 405);
  t.match(await request('GET', '/api/v1/nodes/n1:22/proxy/'), { code: 400 });
  t.match(await request('GET', '/api/v1/nodes/none/proxy/healthz'), { code: 404 });
});

t.test('names, redirects and headers', async (t) => {
  t.same(parseProxyName('https:web:8443', 'pod'), { scheme: 'https', name: 'web', port: '8443' });
  t.same(parseProxyName(':web:', 'pod'), { scheme: 'http', name: 'web', port: '' });
  for (const wrong of ['', ':80', 'a:b:c:d', 'https::1']) t.throws(() => parseProxyName(wrong, 'pod'));
  for (const [location, wanted] of [
    ['/a?b', '/p/proxy/a?b'],
    ['relative', 'relative'],
    ['/p/proxy/a', '/p/proxy/a'],
    ['/p/proxyish', '/p/proxy/p/proxyish'],
    ['http://10.0.0.1:80/a', '/p/proxy/a'],
    ['HTTPS://Api:6443', '/p/proxy/'],
    ['//api:6443/x', '/p/proxy/x'],
    ['https://elsewhere/a', 'https://elsewhere/a'],
  ] as const) {
    t.equal(rewriteLocation(location, '/p/proxy', ['10.0.0.1:80', 'api:6443']), wanted, location);
  }
  const raw = ['Host', 'h', 'Connection', 'keep-alive, X-Once', 'X-Once', '1', 'Cookie', 'a', 'Cookie', 'b'];
  t.same(requestHeaders(raw, { client: '1.2.3.4', url: '/x', upgrade: undefined }), {
    host: 'h',
    cookie: ['a', 'b'],
    'x-forwarded-for': '1.2.3.4',
    'x-forwarded-host': 'h',
    'x-forwarded-proto': 'https',
    'x-forwarded-uri': '/x',
  });
});
