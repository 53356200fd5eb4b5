import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import t from 'tap';
import { Terminal } from '../../runtimes/wasm/terminal.ts';
import { eventually } from '../cluster.ts';
import { testdir } from '../testdir.ts';
import { ended, log, startPod, wasmRuntime } from './wasm-bench.ts';
import { commandImage, writeModule } from './wasm-guests.ts';

t.test('how commands end', async (t) => {
  const runtime = await wasmRuntime(t);
  const image = await commandImage(testdir(t));
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
  const { id } = await startPod(runtime, { image: await commandImage(testdir(t)), args: ['wait'] });
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

t.test('attached to a command', async (t) => {
  const runtime = await wasmRuntime(t);
  const image = await commandImage(testdir(t));
  const { id } = await startPod(runtime, { image, args: ['copy'], stdin: true, stdinOnce: true });
  const onlooker = await runtime.attach(id, { stdin: false });
  const seen = text(onlooker.stdio);
  const session = await runtime.attach(id, { stdin: true });
  const large = `${'y'.repeat(999)}\n`.repeat(2_000);
  const back = text(session.stdio);
  session.stdio.end(large);
  t.equal(await session.exitCode, 0, 'stdinOnce: the end of the first input is told');
  t.ok((await back) === large, 'its input comes back');
  t.ok((await seen) === large, 'whoever is attached sees it');
  t.equal((await log(runtime, id)).length, large.length, 'and it is logged as ever');
  await t.rejects(runtime.attach(id, { stdin: true }), { message: /is not running/ });
});

t.test('who leaves a command leaves it running, and who does not read holds it up', async (t) => {
  const runtime = await wasmRuntime(t);
  const image = await commandImage(testdir(t));
  const { id } = await startPod(runtime, { image, args: ['copy'], stdin: true });
  const deaf = await runtime.attach(id, { stdin: true });
  let taken = 0;
  const piece = Buffer.alloc(64 * 1024, 'x');
  const typed = (async () => {
    for (; taken < 100; taken += 1) {
      await new Promise<void>((resolve) => deaf.stdio.write(piece, () => resolve()));
      if (deaf.stdio.destroyed) return;
    }
  })();
  const held = (): boolean => deaf.stdio.readableLength > 0 && deaf.stdio.writableLength > 0;
  await eventually('it is held up', async () => {
    const before = taken;
    await new Promise((resolve) => setTimeout(resolve, 100));
    return held() && taken === before;
  });
  t.ok(taken < 50, `after ${taken} pieces`);
  deaf.stdio.destroy();
  await typed;
  const next = await runtime.attach(id, { stdin: true });
  next.stdio.write('hello\n');
  await eventually('an answer', async () => String(next.stdio.read() ?? '').endsWith('hello\n'));
  next.stdio.end();
  next.stdio.destroy();
  t.match(await runtime.containerStatus(id), { state: 'Running' }, 'without stdinOnce its input never ends');
});

t.test('a terminal', async (t) => {
  const runtime = await wasmRuntime(t);
  const image = await commandImage(testdir(t));
  const { id } = await startPod(runtime, { image, args: ['copy'], stdin: true, tty: true });
  const { stdio, stderr } = await runtime.attach(id, { stdin: true });
  t.equal(stderr, undefined);
  let screen = '';
  stdio.on('data', (bytes: Buffer) => (screen += bytes.toString()));
  stdio.write('hex\x7fllo\r');
  await eventually('an answer', () => screen === 'hex\b \bllo\r\nhello\r\n');
  stdio.write('half\x04');
  await eventually('half a line', () => screen.endsWith('halfhalf'));
  stdio.write('\x04');
  t.match(await ended(runtime, id), { exitCode: 0 }, 'Ctrl-D ends the input');
  const loop = await startPod(runtime, { image, args: ['loop'], stdin: true, tty: true });
  const session = await runtime.attach(loop.id, { stdin: true });
  session.stdio.write('wrong\x03');
  t.match(await ended(runtime, loop.id), { exitCode: 130 }, 'Ctrl-C ends the program');
});

t.test('a terminal edits its line', (t) => {
  const terminal = new Terminal();
  const type = (text: string) => {
    const { echo, input, interrupted } = terminal.type(Buffer.from(text));
    return [echo.toString(), input.map((each) => each?.toString() ?? null), interrupted];
  };
  t.same(type('ab\x7f\x7f\x7fc\n'), ['ab\b \b\b \bc\r\n', ['c\n'], false], 'nothing to erase is erased');
  t.same(type('é\x7f\r'), ['é\b \b\r\n', ['\n'], false], 'a character is erased, not a byte');
  t.same(type('abc\x15d\x04\x04'), [`abc${'\b \b'.repeat(3)}d`, ['d', null], false]);
  t.same(type('a\x1b[A\tb\x03c\n'), ['a^[[A\tb^C\r\nc\r\n', ['c\n'], true]);
  t.end();
});

t.test('images that cannot be run are refused with the reason', async (t) => {
  const runtime = await wasmRuntime(t);
  const dir = testdir(t, {
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
  const path = await commandImage(testdir(t));
  const id = await runtime.importImage('example.com/tools/it', await readFile(path));
  t.ok(runtime.claims('example.com/tools/it:latest'));
  t.same(await runtime.pullImage('example.com/tools/it', { policy: 'Never' }), { ok: true, imageId: id });
  const pod = await startPod(runtime, { image: 'example.com/tools/it', args: ['print'] });
  t.match(await ended(runtime, pod.id), { exitCode: 0, imageId: id });
  await t.rejects(runtime.importImage('UPPER', Buffer.of()), { message: /not an image name/ });
});
