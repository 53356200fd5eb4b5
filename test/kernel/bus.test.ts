import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import t, { type Test } from 'tap';
import { openBus } from '../../kernel/bus/index.ts';
import { type BusClient, StatusError } from '../../kernel/contract/index.ts';
import { quiet, testNats } from './nats.ts';

const server = await testNats(t);

async function testBus(t: Test): Promise<BusClient> {
  const connection = await server.connect('test');
  t.teardown(() => connection.close());
  const bus = openBus({ connection, log: quiet });
  t.teardown(() => bus.close());
  return bus;
}

/** A subscription is in place once the server has answered something sent after it. */
async function settle(bus: BusClient): Promise<void> {
  await bus.request('nobody.here', null).catch(() => undefined);
}

const reason = (reason: string): { name: string; reason: string } => ({ name: 'StatusError', reason });

t.test('publish, subscribe, queues', async (t) => {
  const [a, b] = [await testBus(t), await testBus(t)];
  const got: unknown[] = [];
  let queued = 0;
  const done = new Promise<void>((resolve) => {
    b.subscribe('x.*', (data, subject) => {
      got.push([subject, data]);
      if (subject === 'x.end') resolve();
    });
  });
  for (let i = 0; i < 3; i++) b.subscribe('x.one', () => queued++, { queue: 'q' });
  await settle(b);
  a.publish('x.one', { n: 1, text: 'ü' });
  a.publish('x.end', null);
  await done;
  t.strictSame(got, [
    ['x.one', { n: 1, text: 'ü' }],
    ['x.end', null],
  ]);
  t.equal(queued, 1);
  t.throws(() => a.publish('a b', null), reason('BadRequest'));
  t.throws(() => a.publish('big', 'x'.repeat(9 * 1024 * 1024)), reason('RequestEntityTooLarge'));
});

t.test('requests', async (t) => {
  const [a, b] = [await testBus(t), await testBus(t)];
  b.serve('echo.*', (data, subject) => ({ data, subject }));
  b.serve('fail', () => {
    throw new StatusError('NotFound', 'no such thing', { name: 'thing' });
  });
  b.serve('slow', () => new Promise(() => undefined));
  const gone = b.serve('gone', () => 1);
  gone.close();
  await settle(b);
  t.strictSame(await a.request('echo.1', [1, 'two']), { data: [1, 'two'], subject: 'echo.1' });
  await t.rejects(a.request('fail', null), {
    ...reason('NotFound'),
    message: 'no such thing',
    details: { name: 'thing' },
  });
  await t.rejects(a.request('gone', null, { timeout: 600_000 }), reason('ServiceUnavailable'), 'at once');
  await t.rejects(a.request('slow', null, { timeout: 20 }), reason('Timeout'));
  const abort = new AbortController();
  const aborted = a.request('slow', null, { timeout: 600_000, signal: abort.signal });
  abort.abort(new Error('never mind'));
  await t.rejects(aborted, { message: 'never mind' });

  const leaving = b.serve('leaving', () => {
    leaving.close();
    return true;
  });
  await settle(b);
  const asked = Array.from({ length: 50 }, () => a.request('leaving', null).catch(String));
  const answers = await Promise.all(asked);
  t.same(
    answers.filter((each) => each !== true && !String(each).includes('nobody serves')),
    [],
    'what was on its way when it was closed is answered',
  );
  t.ok(answers.filter((each) => each === true).length > 1);
});

t.test('streams', async (t) => {
  const [a, b] = [await testBus(t), await testBus(t)];
  b.acceptStreams('s.echo', (_params, stream) => pipeline(stream, stream));
  b.acceptStreams('s.refuse', (params) => {
    throw new StatusError('Forbidden', `not ${(params as { who: string }).who}`);
  });
  b.acceptStreams('s.break', async (_params, stream) => {
    stream.write('some');
    await once(stream, 'data');
    throw new StatusError('Conflict', 'broken');
  });
  let kept: Duplex | undefined;
  b.acceptStreams('s.keep', (_params, stream) => {
    kept = stream;
  });
  b.acceptStreams('s.summary', async (_params, stream) => {
    let length = 0;
    stream.on('data', (chunk: Buffer) => {
      length += chunk.length;
    });
    await once(stream, 'end');
    stream.end(String(length));
  });
  await settle(b);

  await t.test('5 MiB there and back, unchanged', async (t) => {
    const sent = randomBytes(5 * 1024 * 1024 + 7);
    const stream = await a.openStream('s.echo', null);
    stream.end(sent);
    t.ok(sent.equals(await buffer(stream)));
  });

  await t.test('a reader that takes all there is at once, and late, gets more', async (t) => {
    const stream = await a.openStream('s.echo', null);
    stream.end(Buffer.alloc(3 * 1024 * 1024));
    let length = 0;
    for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
      length += (chunk as Buffer).length;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    t.equal(length, 3 * 1024 * 1024);
  });

  await t.test('half-close: the answer comes after the end', async (t) => {
    const stream = await a.openStream('s.summary', null);
    for (let i = 0; i < 50; i++) if (!stream.write(Buffer.alloc(100_000, i))) await once(stream, 'drain');
    stream.end();
    t.equal((await buffer(stream)).toString(), '5000000');
  });

  await t.test('refusal and errors', async (t) => {
    await t.rejects(a.openStream('s.refuse', { who: 'you' }), { ...reason('Forbidden'), message: 'not you' });
    await t.rejects(a.openStream('s.nobody', null, { timeout: 600_000 }), reason('ServiceUnavailable'));
    const stream = await a.openStream('s.break', null);
    stream.write('x');
    await t.rejects(buffer(stream), { ...reason('Conflict'), message: 'broken' });
  });

  await t.test('a reader that does not read holds the writer up', async (t) => {
    const stream = await a.openStream('s.keep', null);
    let written = 0;
    while (stream.write(Buffer.alloc(64 * 1024))) written += 64 * 1024;
    await new Promise((resolve) => setImmediate(resolve));
    t.ok(stream.writableNeedDrain);
    t.ok(written < 4 * 1024 * 1024, `${written} bytes taken`);
    let read = 0;
    kept!.on('data', (chunk: Buffer) => {
      read += chunk.length;
    });
    stream.end(Buffer.alloc(2 * 1024 * 1024));
    await once(kept!, 'end');
    t.equal(read, written + 64 * 1024 + 2 * 1024 * 1024);
    kept!.destroy();
  });

  await t.test('closing and failing one end is seen at the other', async (t) => {
    const first = await a.openStream('s.keep', null);
    first.destroy();
    if (!kept!.closed) await once(kept!, 'close');
    t.equal(kept!.errored, null);
    const second = await a.openStream('s.keep', null);
    const failed = once(second, 'error');
    kept!.destroy(new StatusError('Gone', 'moved'));
    t.match((await failed)[0], reason('Gone'));
    const abort = new AbortController();
    const third = await a.openStream('s.keep', null, { signal: abort.signal });
    const ended = new Promise((resolve) => third.once('close', resolve));
    abort.abort(new Error('enough'));
    await ended;
    t.match(third.errored, { message: 'enough' });
  });

  await t.test('a peer that vanishes is noticed at the next write', async (t) => {
    const connection = await server.connect('vanishing');
    const c = openBus({ connection, log: quiet });
    c.acceptStreams('s.vanish', (_params, stream) => void stream.resume());
    await settle(c);
    const stream = await a.openStream('s.vanish', null);
    await connection.close();
    const failed = once(stream, 'error');
    stream.write('anybody?');
    t.match((await failed)[0], reason('ServiceUnavailable'));
    await c.close();
  });
});

t.test('a cut connection fails streams and requests, and the bus goes on', async (t) => {
  const [a, b] = [await testBus(t), await testBus(t)];
  b.acceptStreams('cut', (_params, stream) => void stream.resume());
  b.serve('cut.slow', () => new Promise(() => undefined));
  b.serve('cut.echo', (data) => data);
  await settle(b);
  const stream = await a.openStream('cut', null);
  const failed = once(stream, 'error');
  const request = a.request('cut.slow', null, { timeout: 600_000 });
  const outcome = t.rejects(request, reason('ServiceUnavailable'));
  process.kill(server.pid!, 'SIGKILL');
  t.match((await failed)[0], reason('ServiceUnavailable'));
  await outcome;
  for (;;) {
    const answer = await a.request('cut.echo', 'back').catch(() => undefined);
    if (answer === 'back') break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
});
