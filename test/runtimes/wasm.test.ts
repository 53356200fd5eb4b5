import t from 'tap';
import { freePort, HELLO, log, startPod, wasmRuntime } from './wasm-bench.ts';

t.test('an HTTP component serves on its pod address', async (t) => {
  const runtime = await wasmRuntime(t);
  t.ok(runtime.claims(HELLO), 'the built-in image needs no RuntimeClass');
  const port = await freePort();
  const env = [{ name: 'POD_NAME', value: 'hello-1' }];
  const { sandbox, id } = await startPod(
    runtime,
    { image: HELLO, ports: [{ containerPort: port }] },
    { env },
  );
  const url = `http://127.0.0.1:${port}`;
  const response = await fetch(`${url}/path?q=1`);
  t.equal(response.status, 200);
  t.equal(response.headers.get('content-type'), 'text/plain; charset=utf-8');
  t.equal(await response.text(), 'Hello from Orlop! Pod hello-1 answers /path?q=1\n');
  const get = { path: '/', headers: [], timeout: 10 };
  t.equal(await runtime.httpGet(sandbox, { port, ...get }), 200, 'a probe needs no socket');
  await t.rejects(runtime.httpGet(sandbox, { port: port + 1, ...get }), { message: /connection refused/ });
  t.match(await runtime.containerStats(id), { cpu: Number, memory: 65_536 });
  await t.rejects(runtime.execSync(id, ['sh'], 1), { message: /exports no wasi:cli\/run/ });

  await runtime.stopContainer(id, 10);
  t.match(await runtime.containerStatus(id), { state: 'Exited', exitCode: 0, reason: 'Completed' });
  await t.rejects(fetch(url), 'a stopped pod does not answer');
  t.equal(await log(runtime, id), '');
  await runtime.removePodSandbox(sandbox);
  t.same(await runtime.listPodSandbox(), []);
});
