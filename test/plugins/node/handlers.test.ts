import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Runtime } from 'orlop/plugin';
import t from 'tap';
import { type Handler, runHandler, type Target } from '../../../plugins/node/handlers.ts';

t.test('probes over the network', async (t) => {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.url} ${request.headers['x-probe'] ?? ''}`);
    if (request.url === '/silent') return;
    response.statusCode = Number(request.url!.slice(1)) || 200;
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const target: Target = {
    runtime: {} as Runtime,
    sandboxId: 's',
    containerId: 'c',
    container: { name: 'main', ports: [{ name: 'web', containerPort: port }] },
    podIP: '127.0.0.1',
  };
  const run = async (handler: Handler, timeout = 5): Promise<string> => {
    const outcome = await runHandler(handler, target, timeout);
    return outcome.ok ? 'ok' : outcome.message;
  };
  t.equal(
    await run({ httpGet: { port: 'web', path: 'ready', httpHeaders: [{ name: 'x-probe', value: 'y' }] } }),
    'ok',
  );
  t.same(asked, ['/ready y'], 'a path without its slash, and headers');
  t.equal(await run({ httpGet: { port, path: '/302' } }), 'ok');
  t.equal(await run({ httpGet: { port, path: '/404' } }), 'HTTP probe failed with statuscode: 404');
  t.match(
    await run({ httpGet: { port, path: '/silent' } }, 0.05),
    /^Get "http:\/\/127\.0\.0\.1:\d+\/silent": /,
  );
  t.match(await run({ httpGet: { port, scheme: 'HTTPS' } }), /^Get "https:/, 'TLS to a server without it');
  t.match(await run({ httpGet: { port: 'none' } }), /has no port named "none"/);
  t.equal(await run({ tcpSocket: { port } }), 'ok');
  const closed = createServer();
  await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
  const { port: free } = closed.address() as AddressInfo;
  await new Promise((resolve) => closed.close(resolve));
  t.match(await run({ tcpSocket: { port: free } }), /ECONNREFUSED/);
  t.match(await run({}), /no supported handler/);
});

t.test('probes through the runtime', async (t) => {
  const bytes = (text: string): Uint8Array => Buffer.from(text);
  const runtime = {
    async execSync(_id: string, command: string[]) {
      if (command[0] === 'hang') throw new Error('command "hang" timed out after 1 s');
      return { exitCode: Number(command[1]), stdout: bytes('out '), stderr: bytes('err') };
    },
    async httpGet(_id: string, request: { path: string }) {
      return request.path === '/ok' ? 200 : 500;
    },
  } as unknown as Runtime;
  const target: Target = {
    runtime,
    sandboxId: 's',
    containerId: 'c',
    container: { name: 'main' },
    podIP: '',
  };
  t.same(await runHandler({ exec: { command: ['exit', '0'] } }, target, 1), { ok: true });
  t.same(await runHandler({ exec: { command: ['exit', '3'] } }, target, 1), {
    ok: false,
    message: 'out err',
  });
  t.match(await runHandler({ exec: { command: ['hang'] } }, target, 1), { ok: false, message: /timed out/ });
  t.same(await runHandler({ httpGet: { port: 80, path: '/ok' } }, target, 1), { ok: true });
  t.match(await runHandler({ httpGet: { port: 80, path: '/no' } }, target, 1), {
    ok: false,
    message: /: 500$/,
  });
});
