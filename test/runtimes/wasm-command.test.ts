import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { ended, log, startPod, wasmRuntime } from './wasm-bench.ts';
import { commandImage, writeModule } from './wasm-guests.ts';

t.test('how commands end', async (t) => {
  const runtime = await wasmRuntime(t);
  const image = await commandImage(t.testdir({}));
  const run = async (what: string, limits?: Record<string, string>) => {
    const resources = limits ? { resources: { limits } } : {};
    const { id } = await startPod(runtime, { image, args: [what], ...resources });
    return id;
  };
  const trapped = await run('trap');
  t.match(await ended(runtime, trapped), { exitCode: 1, reason: 'Error', message: 'trap: unreachable' });
  t.equal(await log(runtime, trapped), 'orlop: trap: unreachable\n');
  const full = await run('memory', { memory: '4Mi' });
  t.match(await ended(runtime, full), { exitCode: 137, reason: 'OOMKilled' });
  const partial = await run('in part');
  await ended(runtime, partial);
  t.equal(await log(runtime, partial), 'half', 'a last line without newline stays so');
  const looping = await run('loop');
  await runtime.stopContainer(looping, 30);
  t.match(await runtime.containerStatus(looping), { exitCode: 143 }, 'a loop is ended at once');
});

t.test('exec is a fresh instance with streams', async (t) => {
  const runtime = await wasmRuntime(t);
  const { id } = await startPod(runtime, { image: await commandImage(t.testdir({})), args: ['wait'] });
  const session = await runtime.exec(id, { command: ['it', 'copy'], tty: false, stdin: true });
  session.stdio.write('hello ');
  session.stdio.write('there\n');
  const [first] = await once(session.stdio, 'data');
  t.match(String(first), /^hello /);
  session.stdio.end();
  t.equal(await session.exitCode, 0);
  const left = await runtime.exec(id, { command: ['it', 'loop'], tty: true, stdin: false });
  t.equal(left.stderr, undefined);
  left.stdio.destroy();
  t.equal(await left.exitCode, 137, 'who leaves ends it');
  await t.rejects(runtime.execSync(id, ['it', 'loop'], 0.2), { message: /timed out after 0.2 s/ });
});

t.test('images that cannot be run are refused with the reason', async (t) => {
  const runtime = await wasmRuntime(t);
  const dir = t.testdir({
    'text.wasm': 'not wasm',
    'cut.wasm': Buffer.from('\0asm\x01\0\0\0\x05\x7f', 'latin1'),
  });
  const reactor = await writeModule(dir, 'reactor.wasm', '(module (func (export "work")))');
  const refused = async (image: string, reason: string, message: RegExp) =>
    t.match(
      await runtime.pullImage(image, { policy: 'IfNotPresent' }),
      { ok: false, reason, message },
      image,
    );
  await refused(join(dir, 'none.wasm'), 'ErrImagePull', /no such file on this node/);
  await refused(`file://${dir}/text.wasm`, 'ErrImagePull', /text.wasm": not a WebAssembly binary/);
  await refused(join(dir, 'cut.wasm'), 'ErrImagePull', /cut.wasm": WebAssembly.Module\(\)/);
  await refused(reactor, 'ErrImagePull', /no WASI preview 1 command/);
  await refused('Not A Name', 'InvalidImageName', /invalid reference format/);
  await refused('nginx:1', 'ErrImagePull', /no component is named "nginx:1" on this node/);
  t.equal(runtime.claims('nginx:1'), false);
  t.equal(runtime.claims(`file://${dir}/text.wasm`), true);
});

t.test('images have names in the node store', async (t) => {
  const runtime = await wasmRuntime(t);
  const path = await commandImage(t.testdir({}));
  const id = await runtime.importImage('example.com/tools/it', await readFile(path));
  t.ok(runtime.claims('example.com/tools/it:latest'));
  t.same(await runtime.pullImage('example.com/tools/it', { policy: 'Never' }), { ok: true, imageId: id });
  const pod = await startPod(runtime, { image: 'example.com/tools/it', args: ['print'] });
  t.match(await ended(runtime, pod.id), { exitCode: 0, imageId: id });
  await t.rejects(runtime.importImage('UPPER', Buffer.of()), { message: /not an image name/ });
});
