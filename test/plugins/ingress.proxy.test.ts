import { once } from 'node:events';
import {
  Agent,
  createServer as createHttp,
  type IncomingMessage,
  type RequestListener,
  request,
  type Server,
  type ServerResponse,
} from 'node:http';
import { request as requestTls } from 'node:https';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { createServer as createTls } from 'node:tls';
import type { Endpoint, EndpointSlice, Logger } from 'orlop/plugin';
import t, { type Test } from 'tap';
import { WebSocket, WebSocketServer } from 'ws';
import { Certificates, selfSigned } from '../../plugins/ingress/certificates.ts';
import { HttpProxy } from '../../plugins/ingress/proxy.ts';
import { Routes } from '../../plugins/ingress/routes.ts';
import { ServiceTable } from '../../plugins/loadbalancer/table.ts';

const log: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** A proxy for one Service, `n/web` port 80, at every path of host `web.test`. */
class Bench {
  readonly proxy: HttpProxy;
  readonly #table = new ServiceTable();
  port = 0;

  constructor(t: Test) {
    this.proxy = new HttpProxy(this.#table);
    this.#table.setService({ metadata: { namespace: 'n', name: 'web' }, spec: { ports: [{ port: 80 }] } });
    const backend = { service: { name: 'web', port: { number: 80 } } };
    const http = { paths: [{ path: '/', pathType: 'Prefix', backend }] };
    this.proxy.routes = new Routes([
      { metadata: { namespace: 'n', name: 'i' }, spec: { rules: [{ host: 'web.test', http }] } },
    ]);
    t.teardown(() => this.proxy.stop());
  }

  async listen(t: Test): Promise<this> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
      this.proxy.serve(socket, 'http'),
    );
    this.port = await listening(t, server);
    return this;
  }

  /** Pods listen at ports of their own here, which a slice per pod can say. */
  endpoints(ready: readonly Endpoint[], all: readonly Endpoint[] = ready): void {
    for (const { host, port } of all) {
      const slice: EndpointSlice = {
        metadata: { namespace: 'n', name: `s${port}`, labels: { 'kubernetes.io/service-name': 'web' } },
        addressType: 'IPv4',
        ports: [{ port }],
        endpoints: [{ addresses: [host] }],
      };
      if (ready.some((each) => each.port === port)) this.#table.setSlice(slice);
      else this.#table.deleteSlice(slice);
    }
  }

  async raw(...parts: string[]): Promise<string> {
    const socket = connect({ host: '127.0.0.1', port: this.port });
    socket.on('error', () => {});
    for (const part of parts) {
      socket.write(part, 'latin1');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    await Promise.race([once(socket, 'close'), new Promise((resolve) => setTimeout(resolve, 500))]);
    socket.destroy();
    return text;
  }

  async get(
    path: string,
    options: { method?: string; headers?: Record<string, string>; body?: string; agent?: Agent } = {},
  ) {
    const { method = 'GET', headers = {}, body, agent } = options;
    const outgoing = request({
      host: '127.0.0.1',
      port: this.port,
      path,
      method,
      headers: { host: 'web.test', ...headers },
      agent: agent ?? false,
    });
    outgoing.end(body);
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
    return { status: answer.statusCode!, headers: answer.headers, text: await read(answer) };
  }
}

async function read(source: AsyncIterable<unknown>): Promise<string> {
  let text = '';
  for await (const chunk of source) text += String(chunk);
  return text;
}

async function listening(t: Test, server: ReturnType<typeof createServer> | Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

async function pod(t: Test, handler: RequestListener): Promise<Endpoint & { server: Server }> {
  const server = createHttp(handler);
  return { host: '127.0.0.1', port: await listening(t, server), server };
}

t.test('requests and responses of every shape pass', async (t) => {
  const bench = await new Bench(t).listen(t);
  const answer = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const body = await read(incoming);
    if (incoming.url === '/204') outgoing.writeHead(204).end();
    else if (incoming.url === '/stream') {
      outgoing.write('one,');
      setTimeout(() => outgoing.end('two'), 20);
    } else if (incoming.url === '/close') outgoing.writeHead(200, { connection: 'close' }).end('closed');
    else if (incoming.url === '/big') outgoing.end('x'.repeat(3_000_000));
    else outgoing.end(JSON.stringify({ url: incoming.url, length: body.length, headers: incoming.headers }));
  };
  const app = await pod(t, (incoming, outgoing) => void answer(incoming, outgoing));
  bench.endpoints([app]);
  const hello = await bench.get('/a?b=c', { headers: { 'x-forwarded-for': '6.6.6.6' } });
  t.equal(hello.status, 200);
  t.match(JSON.parse(hello.text), {
    url: '/a?b=c',
    headers: {
      host: 'web.test',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': 'web.test',
    },
  });
  t.match(await bench.get('/204'), { status: 204, text: '' });
  t.match(await bench.get('/', { method: 'HEAD' }), { status: 200, text: '' });
  t.match(await bench.get('/stream'), { text: 'one,two' });
  t.match(await bench.get('/close'), { text: 'closed' });
  t.equal((await bench.get('/big')).text.length, 3_000_000);
  const sized = await bench.get('/', { method: 'POST', body: 'y'.repeat(1_000_000) });
  t.equal(JSON.parse(sized.text).length, 1_000_000);
  const chunked = await bench.get('/', {
    method: 'POST',
    body: 'abc',
    headers: { 'transfer-encoding': 'chunked' },
  });
  t.equal(JSON.parse(chunked.text).length, 3);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (let round = 0; round < 5; round += 1) t.equal((await bench.get('/', { agent })).status, 200);
  agent.destroy();
  const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: web.test\r\n\r\n`;
  const piped = await bench.raw(get('/1') + get('/2') + get('/204'));
  t.match(piped, /"url":"\/1".*"url":"\/2".*204 No Content/s, 'pipelined requests are answered in order');
  t.match(await bench.raw('GET /sp', 'lit HTTP/1.1\r\nHo', 'st: web.test\r\n\r', '\n'), /"url":"\/split"/);
  t.match(await bench.raw('GET /old HTTP/1.0\r\nHost: web.test\r\n\r\n'), /"url":"\/old"/);
  t.match(
    await bench.raw('GET / HTTP/1.1\r\nHost: other.test\r\n\r\n'),
    /^HTTP\/1.1 404 .*no Ingress has a rule/s,
  );
  t.match(await bench.raw('GET / HTTP/1.1\nHost: web.test\n\n'), /^HTTP\/1.1 400 .*connection: close/s);
  const both =
    'POST / HTTP/1.1\r\nHost: web.test\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nX';
  t.match(await bench.raw(both), /^HTTP\/1.1 400 /);
  t.match(await bench.raw(`GET / HTTP/1.1\r\nA: ${'b'.repeat(70_000)}`), /^HTTP\/1.1 431 /);
});

t.test('what endpoints do wrong is a clear answer', async (t) => {
  const bench = await new Bench(t).listen(t);
  t.match(await bench.get('/'), { status: 503, text: /Service n\/web port 80 has no ready endpoint/ });
  const rude = createServer((socket) => socket.once('data', () => socket.end('nonsense\r\n\r\n')));
  const silent = createServer((socket) => socket.once('data', () => socket.destroy()));
  const [rudePort, silentPort] = [await listening(t, rude), await listening(t, silent)];
  bench.endpoints([{ host: '127.0.0.1', port: rudePort }]);
  t.match(await bench.get('/'), { status: 502 });
  const gone = { host: '127.0.0.1', port: 1 };
  bench.endpoints([gone], [gone, { host: '127.0.0.1', port: rudePort }]);
  t.match(await bench.get('/'), {
    status: 502,
    text: /no endpoint of Service n\/web port 80 took the request/,
  });
  const good = await pod(t, (_incoming, outgoing) => outgoing.end('good'));
  bench.endpoints([gone, { host: '127.0.0.1', port: silentPort }, good]);
  for (let round = 0; round < 6; round += 1)
    t.match(await bench.get('/'), { status: 200, text: 'good' }, 'retried');
  bench.endpoints([gone, good], [gone, good, { host: '127.0.0.1', port: silentPort }]);
  for (let round = 0; round < 4; round += 1) {
    t.match(
      await bench.get('/', { method: 'POST', body: 'x' }),
      { status: 200 },
      'a refused connection took nothing',
    );
  }
});

t.test('WebSockets pass', async (t) => {
  const bench = await new Bench(t).listen(t);
  const app = await pod(t, (_incoming, outgoing) => outgoing.end());
  const sockets = new WebSocketServer({ server: app.server });
  sockets.on('connection', (socket) => socket.on('message', (data, binary) => socket.send(data, { binary })));
  bench.endpoints([app]);
  const client = new WebSocket(`ws://127.0.0.1:${bench.port}/`, { headers: { host: 'web.test' } });
  await once(client, 'open');
  const big = Buffer.alloc(1 << 20, 7);
  client.send(big);
  const [echo] = (await once(client, 'message')) as [Buffer];
  t.ok(big.equals(echo));
  client.close();
  await once(client, 'close');
  sockets.close();
});

t.test('HTTPS, by server name', async (t) => {
  const bench = await new Bench(t).listen(t);
  const app = await pod(t, (incoming, outgoing) =>
    outgoing.end(String(incoming.headers['x-forwarded-proto'])),
  );
  bench.endpoints([app]);
  const [fallback, own] = [await selfSigned(), await selfSigned()];
  const certificates = new Certificates(log, fallback);
  const data = {
    'tls.crt': Buffer.from(own.cert).toString('base64'),
    'tls.key': Buffer.from(own.key).toString('base64'),
  };
  certificates.update(
    [
      {
        metadata: { namespace: 'n', name: 'i' },
        spec: {
          tls: [
            { hosts: ['web.test', '*.w.test'], secretName: 's' },
            { hosts: ['x.test'], secretName: 'none' },
          ],
        },
      },
    ],
    new Map([['n/s', { metadata: { namespace: 'n', name: 's', resourceVersion: '1' }, data }]]),
  );
  t.equal(certificates.find('a.w.test'), certificates.find('WEB.test'));
  t.equal(certificates.find('x.test'), certificates.find('other'));
  t.not(certificates.find('x.test'), certificates.find('web.test'));
  const secure = createTls(
    { ...fallback, SNICallback: (name, done) => done(null, certificates.find(name)) },
    (socket) => bench.proxy.serve(socket, 'https'),
  );
  const port = await listening(t, secure);
  for (const servername of ['web.test', '']) {
    const outgoing = requestTls({
      host: '127.0.0.1',
      port,
      servername,
      headers: { host: 'web.test' },
      ca: servername ? own.cert : fallback.cert,
      checkServerIdentity: () => undefined,
      agent: false,
    });
    outgoing.end();
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
    t.equal(await read(answer), 'https', `with the certificate for "${servername}"`);
  }
});

t.test('pods are rolled under load without a failed request', async (t) => {
  const bench = await new Bench(t).listen(t);
  const make = (name: string) =>
    pod(t, (_incoming, outgoing) => void setTimeout(() => outgoing.end(name), 2));
  let pods = await Promise.all(['0', '1', '2'].map(make));
  bench.endpoints(pods);
  let going = true;
  let served = 0;
  const failures: string[] = [];
  const versions = new Set<string>();
  const ask = async (agent: Agent | undefined, method: string): Promise<void> => {
    while (going) {
      try {
        const options = { method, ...(agent ? { agent } : {}), ...(method === 'POST' ? { body: 'x' } : {}) };
        const { status, text } = await bench.get('/', options);
        if (status === 200) versions.add(text);
        else failures.push(`${method} ${status} ${text}`);
      } catch (error) {
        failures.push(`${method} ${String(error)}`);
      }
      served += 1;
    }
  };
  const agents = Array.from({ length: 12 }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
  const load = [
    ...agents.map((agent, index) => ask(agent, index % 3 === 0 ? 'POST' : 'GET')),
    ask(undefined, 'GET'),
  ];
  const enough = async (): Promise<void> => {
    const target = served + 100;
    while (served < target) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  for (let round = 3; round < 12; round += 1) {
    await enough();
    const [old] = pods;
    const next = [...pods.slice(1), await make(String(round))];
    bench.endpoints(next, [...pods, ...next]);
    pods = next;
    // As a pod does at SIGTERM: what it has is answered, idle connections are closed.
    await new Promise((resolve) => {
      old!.server.close(resolve);
      old!.server.closeIdleConnections();
      setTimeout(() => old!.server.closeIdleConnections(), 20);
    });
  }
  await enough();
  // One dies without a word.
  const dead = pods[0]!;
  dead.server.closeAllConnections();
  dead.server.close();
  await enough();
  going = false;
  await Promise.all(load);
  for (const agent of agents) agent.destroy();
  const graceful = failures.filter((failure) => !failure.startsWith('POST 502'));
  t.same(graceful, [], `${served} requests`);
  t.ok(failures.length <= agents.length, 'only what cannot be repeated was lost at the sudden death');
  t.equal(versions.size, 12, 'every pod served');
});
