import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import t from 'tap';
import { LogWriter } from '../../runtimes/wasm/guest/log-writer.ts';
import { GuestWorker } from '../../runtimes/wasm/guest-worker.ts';
import { readLog } from '../../runtimes/wasm/logs.ts';
import { capMemory } from '../../runtimes/wasm/memory-cap.ts';
import type { TranspileAnswer } from '../../runtimes/wasm/transpile.ts';
import { testdir } from '../testdir.ts';

t.test('logs are rotated and read across the rotation', async (t) => {
  const path = join(testdir(t), 'x.log');
  const writer = new LogWriter(path, 1000);
  t.teardown(() => writer.close());
  const texts = async (tailLines?: number) => {
    const lines: string[] = [];
    for await (const { data } of readLog(path, tailLines === undefined ? {} : { tailLines }, () => false)) {
      lines.push(Buffer.from(data).toString().trim());
    }
    return lines;
  };
  const all = Array.from({ length: 60 }, (_, n) => `line ${n}`);
  for (const line of all) writer.write('stdout', Buffer.from(`${line}\n`));
  const kept = await texts();
  t.same(kept, all.slice(-kept.length), 'the newest lines are kept, in order');
  t.ok(kept.length > 18 && kept.length < 60, `${kept.length} of 60 lines`);
  t.same(await texts(25), all.slice(-25));
});

t.test('following sees every line, also across rotations, and parts joined', async (t) => {
  const path = join(testdir(t), 'x.log');
  const writer = new LogWriter(path, 2000);
  let running = true;
  const seen: string[] = [];
  const writeNext = (): void => {
    const n = seen.length;
    writer.write('stdout', Buffer.from(`line `));
    writer.write('stdout', Buffer.from(`${n}\n`));
    if (n === 99) {
      writer.write('stderr', Buffer.from('the end'));
      writer.close();
      running = false;
    }
  };
  const following = (async () => {
    for await (const { data, stream } of readLog(path, { follow: true }, () => running)) {
      seen.push(`${stream} ${Buffer.from(data).toString()}`);
      if (seen.length < 100) writeNext();
    }
  })();
  writeNext();
  await following;
  t.equal(seen.length, 101);
  t.equal(seen[99], 'stdout line 99\n');
  t.equal(seen[100], 'stderr the end');
});

t.test('a memory is capped, whatever it declares', async (t) => {
  const page = 65_536;
  // (module (memory (export "m") MIN MAX?))
  const module = (limits: number[]) =>
    Buffer.from([
      0,
      0x61,
      0x73,
      0x6d,
      1,
      0,
      0,
      0,
      5,
      limits.length + 1,
      1,
      ...limits,
      7,
      5,
      1,
      1,
      0x6d,
      2,
      0,
    ]);
  for (const limits of [
    [0, 1],
    [1, 1, 100],
  ]) {
    const capped = new WebAssembly.Module(capMemory(module(limits), 3.5 * page));
    const memory = new WebAssembly.Instance(capped).exports['m'] as WebAssembly.Memory;
    memory.grow(2);
    t.throws(() => memory.grow(1), RangeError);
  }
  t.throws(() => capMemory(module([0, 4]), 3 * page), {
    message: /needs at least 262144 bytes of memory, its limit is 196608: raise resources.limits.memory/,
  });
});

t.test('what either transpiler makes runs in the same host', async (t) => {
  const hello = new URL('../../generated/hello/hello.wasm', import.meta.url);
  const bytes = await readFile(hello);
  const dir = await mkdtemp(join(tmpdir(), 'orlop-wasm-'));
  t.teardown(() => rm(dir, { recursive: true }));
  for (const force of ['lean', 'newest'] as const) {
    const outDir = join(dir, force);
    const program = new URL('../../runtimes/wasm/transpile-worker.js', import.meta.url);
    const transpiler = new Worker(program, { workerData: { bytes, outDir, force } });
    const answer = await new Promise<TranspileAnswer>((resolve, reject) => {
      transpiler.once('message', resolve);
      transpiler.once('error', reject);
    });
    await transpiler.terminate();
    if (!answer.ok) return t.fail(answer.message);
    t.match(answer.manifest, { kind: 'http', transpiler: force });
    const modules: Record<string, WebAssembly.Module> = {};
    for (const name of answer.manifest.modules) {
      modules[name] = await WebAssembly.compile(await readFile(join(outDir, name)));
    }
    const guest = new GuestWorker();
    await guest.start({
      kind: 'http',
      script: new URL(`file://${join(outDir, answer.manifest.script)}`).href,
      modules,
      exportName: answer.manifest.exportName,
      env: [],
      args: [],
      mounts: [],
      logFile: undefined,
      listen: { host: '127.0.0.1', port: 0 },
      memoryLimit: undefined,
      stdin: false,
    });
    t.equal(await guest.request('/', [], 30), 200, force);
    guest.kill(137, 'done');
    await guest.ended;
  }
});
