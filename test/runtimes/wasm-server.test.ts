import { createServer } from 'node:http';
import t from 'tap';
import { stablePort } from '../../plugins/cli/ports.ts';
import { testdir } from '../testdir.ts';
import { ended, log, startPod, wasmRuntime } from './wasm-bench.ts';
import { serverImage } from './wasm-guests.ts';

t.test('an HTTP component and its host', async (t) => {
  const runtime = await wasmRuntime(t);
  const image = await serverImage(testdir(t));
  const serve = async (limits?: Record<string, string>) => {
    const port = await stablePort();
    const resources = limits ? { resources: { limits } } : {};
    const pod = await startPod(runtime, { image, ports: [{ containerPort: port }], ...resources });
    return { ...pod, port, url: `http://127.0.0.1:${port}` };
  };

  await t.test('request bodies arrive whole, responses have the status and length', async (t) => {
    const { url } = await serve();
    const body = 'x'.repeat(100_000);
    const echoed = await fetch(`${url}/echo`, { method: 'POST', body });
    t.equal(await echoed.text(), body);
    t.equal(echoed.headers.get('content-length'), '100000');
    t.equal((await fetch(`${url}/status`)).status, 404);
    const large = await fetch(`${url}/echo`, { method: 'POST', body: new Uint8Array(33 * 1024 * 1024) }).then(
      (response) => response.status,
      () => 'connection closed',
    );
    t.ok(large === 413 || large === 'connection closed', `more than 32 MiB is refused: ${large}`);
  });

  await t.test(
    'an instance is used again; a trap ends it, answers 500, and the next request finds a new one',
    async (t) => {
      const { id, url } = await serve();
      const count = async () => (await fetch(`${url}/count`)).text();
      t.equal(await count(), '1');
      t.equal(await count(), '2');
      const failed = await fetch(`${url}/trap`);
      t.equal(failed.status, 500);
      t.match(await failed.text(), /its log says why/);
      t.equal(await count(), '1');
      t.equal((await fetch(`${url}/nothing`)).status, 500);
      t.equal(
        await log(runtime, id),
        'orlop: GET /trap: trap: unreachable\norlop: GET /nothing: the guest returned without a response\n',
      );
      t.match(await runtime.containerStatus(id), { state: 'Running' });
    },
  );

  await t.test('the memory limit holds', async (t) => {
    const { id, url } = await serve({ memory: '1Mi' });
    t.equal((await fetch(`${url}/memory`)).status, 500);
    t.equal(await log(runtime, id), 'orlop: GET /memory: out of memory: the limit is 1048576 bytes\n');
    await t.rejects(serve({ memory: '1Ki' }), { message: /want at least 64Ki/ });
  });

  await t.test('a guest that never returns is killed when its grace is over', async (t) => {
    const { id, sandbox, port, url } = await serve();
    const hanging = fetch(`${url}/loop`).catch(() => 'closed');
    await t.rejects(runtime.httpGet(sandbox, { port, path: '/loop', headers: [], timeout: 0.1 }), {
      message: /no answer within/,
    });
    await runtime.stopContainer(id, 0.2);
    t.match(await runtime.containerStatus(id), { state: 'Exited', exitCode: 137, reason: 'Error' });
    t.equal(await hanging, 'closed');
  });

  await t.test('a request in flight is answered before the end', async (t) => {
    const { id, url } = await serve();
    let finish = (): void => {};
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(Buffer.from('first '));
        finish = () => {
          controller.enqueue(Buffer.from('second'));
          controller.close();
        };
      },
    });
    const answer = fetch(`${url}/echo`, { method: 'POST', body, duplex: 'half' } as RequestInit);
    await fetch(`${url}/write`);
    const stopped = runtime.stopContainer(id, 30);
    finish();
    t.equal(await (await answer).text(), 'first second');
    await stopped;
    t.match(await runtime.containerStatus(id), { exitCode: 0, reason: 'Completed' });
    t.equal(await log(runtime, id), 'a line\n');
  });

  await t.test('a busy port ends the container with the reason', async (t) => {
    const port = await stablePort();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    t.teardown(() => server.close());
    const { id } = await startPod(runtime, { image, ports: [{ containerPort: port }] });
    t.match(await ended(runtime, id), {
      exitCode: 1,
      reason: 'Error',
      message: `cannot listen on 127.0.0.1:${port}: EADDRINUSE`,
    });
  });
});
