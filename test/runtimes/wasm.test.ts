import { join } from 'node:path';
import t, { type Test } from 'tap';
import { stablePort } from '../../plugins/cli/ports.ts';
import { eventually } from '../cluster.ts';
import type { Checks } from '../conformance/checks.ts';
import { runtimeConformance } from '../conformance/runtime.ts';
import { testdir } from '../testdir.ts';

import { ended, HELLO, log, startPod, wasmRuntime } from './wasm-bench.ts';
import { commandImage, ripgrepImage } from './wasm-guests.ts';

t.test('an HTTP component serves on its pod address', async (t) => {
  const runtime = await wasmRuntime(t);
  t.ok(runtime.claims(HELLO), 'the built-in image needs no RuntimeClass');
  const port = await stablePort();
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
  t.match(await runtime.containerStats(id), {
    timestamp: Number,
    usageCoreNanoSeconds: Number,
    workingSetBytes: Number,
  });
  await t.rejects(runtime.execSync(id, ['sh'], 1), { message: /exports no wasi:cli\/run/ });

  await runtime.stopContainer(id, 10);
  t.match(await runtime.containerStatus(id), { state: 'Exited', exitCode: 0, reason: 'Completed' });
  await t.rejects(fetch(url), 'a stopped pod does not answer');
  t.equal(await log(runtime, id), '');
  await runtime.removePodSandbox(sandbox);
  t.same(await runtime.listPodSandbox(), []);
});

t.test('what a guest uses is its own', async (t) => {
  const runtime = await wasmRuntime(t);
  const image = await commandImage(testdir(t));
  const busy = await startPod(runtime, { image, args: ['loop'] });
  const idle = await startPod(runtime, { image, args: ['wait'] });
  const began = (await runtime.containerStats(busy.id))!;
  const most = await eventually('a guest that computes uses CPU', async () => {
    const stats = (await runtime.containerStats(busy.id))!;
    return stats.usageCoreNanoSeconds - began.usageCoreNanoSeconds > 2e8 ? stats : undefined;
  });
  const elapsed = (most.timestamp - began.timestamp + 20) * 1e6;
  t.ok(most.usageCoreNanoSeconds - began.usageCoreNanoSeconds <= elapsed, 'of one core at most');
  const little = (await runtime.containerStats(idle.id))!;
  t.ok(little.usageCoreNanoSeconds < 1e8, `one that waits uses none: ${little.usageCoreNanoSeconds} ns`);
  t.ok(little.workingSetBytes > 1e6 && little.workingSetBytes < 1e8, 'its heap counts');
});

await runtimeConformance(t as unknown as Checks, 'wasm', async (t) => {
  const test = t as unknown as Test;
  const runtime = await wasmRuntime(test);
  const dir = testdir(test);
  const image = await commandImage(dir);
  const rg = await ripgrepImage(dir);
  return {
    runtime,
    network: { bridge: { cidr: '', gateway: '' }, address: () => '127.0.0.1' },
    missingImage: 'nowhere.example/nothing:1',
    workloads: {
      forever: { image, args: ['wait'] },
      succeeds: { image, args: ['succeed'] },
      fails: { image, args: ['fail'] },
      prints: { image, args: ['print'] },
      printsGreeting: { image, args: ['greet'] },
      printsFile: { image: rg, args: ['--no-config', '', '/data/file'] },
      copies: { image, args: ['copy'] },
    },
    exec: {
      succeeds: ['it', 'succeed'],
      fails: ['it', 'fail'],
      prints: { command: ['it', 'print'], stdout: 'one\ntwo\nthree\n' },
    },
  };
});

t.test('ripgrep, unchanged, searches a volume', async (t) => {
  const runtime = await wasmRuntime(t);
  const volume = testdir(t, {
    '..data': t.fixture('symlink', '..version1'),
    '..version1': { 'poem.txt': 'in the orlop\nabove the keel\n', 'list.txt': 'keel\nmast\n' },
    'poem.txt': t.fixture('symlink', '..data/poem.txt'),
    'list.txt': t.fixture('symlink', '..data/list.txt'),
    'notes.txt': 'the keel, again\n',
  });
  const image = await ripgrepImage(join(volume, '..version1'));
  const mounts = [{ name: 'texts', hostPath: volume, containerPath: '/texts', readOnly: true }];
  const search = (...args: string[]) =>
    startPod(runtime, { image, args: ['--line-number', '--sort', 'path', ...args] }, { mounts });

  const files = await search('keel', '/texts/list.txt', '/texts/poem.txt');
  t.match(await ended(runtime, files.id), { exitCode: 0, reason: 'Completed' });
  t.equal(
    await log(runtime, files.id),
    '/texts/list.txt:1:keel\n/texts/poem.txt:2:above the keel\n',
    'files that are links, as those of a ConfigMap',
  );

  const folder = await search('keel', '/texts');
  t.match(await ended(runtime, folder.id), { exitCode: 0 });
  t.equal(
    await log(runtime, folder.id),
    '/texts/notes.txt:1:the keel, again\n',
    'a folder, links not followed',
  );

  const missed = await search('rudder', '/texts');
  t.match(await ended(runtime, missed.id), { exitCode: 1, reason: 'Error' });
  t.equal(await log(runtime, missed.id), '');
});
