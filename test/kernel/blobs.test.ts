import { spawn } from 'node:child_process';
import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { NatsConnection } from 'nats';
import t, { type Test } from 'tap';
import type { NatsServer } from '../../kernel/nats/index.ts';
import { type Blobs, openBlobs } from '../../kernel/store/index.ts';
import { testNats } from './nats.ts';

const STREAM = 'OBJ_orlop-blobs';
const MIB = 1024 * 1024;
const server = await testNats(t);
const raw = await server.connect('raw');
t.teardown(() => raw.close());
const blobs = await open(t, server);

async function open(t: Test, nats: NatsServer): Promise<Blobs> {
  const connection = await nats.connect('blobs');
  const opened = openBlobs(connection);
  t.teardown(async () => {
    opened.close();
    await connection.close();
  });
  return opened;
}

function digestOf(bytes: Uint8Array): string {
  return `sha256-${createHash('sha256').update(bytes).digest('hex')}`;
}

/** Subjects and counts of the chunks that are stored, whoever they belong to. */
async function chunks(connection: NatsConnection = raw): Promise<Record<string, number>> {
  const manager = await connection.jetstreamManager();
  const info = await manager.streams.info(STREAM, { subjects_filter: '$O.orlop-blobs.C.>' });
  return info.state.subjects ?? {};
}

/** The subject of the chunks the blob's meta names. */
async function chunksOf(digest: string): Promise<string> {
  const store = await raw.jetstream().views.os('orlop-blobs');
  return `$O.orlop-blobs.C.${(await store.info(digest))!.nuid}`;
}

async function failure(stream: Readable): Promise<{ error: Error | undefined; bytes: number }> {
  let bytes = 0;
  try {
    for await (const chunk of stream) bytes += (chunk as Buffer).length;
    return { error: undefined, bytes };
  } catch (error) {
    return { error: error as Error, bytes };
  }
}

t.test('bytes of any length come back as they were, for anybody', async (t) => {
  const other = await open(t, server);
  for (const length of [0, 1, 256 * 1024 - 1, 256 * 1024, 256 * 1024 + 1, MIB]) {
    const bytes = randomBytes(length);
    const put = await blobs.put(bytes);
    t.match(put, { digest: digestOf(bytes), size: length });
    t.ok((await buffer(await other.get(put.digest))).equals(bytes), `${length} bytes`);
    t.match(await other.stat(put.digest), { size: length, revision: put.revision });
  }
  t.equal((await other.list()).length, 6);
  const nobody = digestOf(Buffer.from('nobody'));
  t.equal(await blobs.stat(nobody), undefined);
  await t.rejects(blobs.get(nobody), { reason: 'NotFound', message: new RegExp(nobody) });
  await t.rejects(blobs.get('sha256-1.>'), { message: /is no digest/ });
});

t.test("NATS' own client reads it", async (t) => {
  const bytes = randomBytes(600_000);
  const { digest } = await blobs.put(bytes);
  const store = await raw.jetstream().views.os('orlop-blobs');
  t.match(await store.info(digest), { size: bytes.length, chunks: 3 });
  t.ok(Buffer.from((await store.getBlob(digest))!).equals(bytes));
});

t.test('the same bytes are stored once', async (t) => {
  const other = await open(t, server);
  const bytes = randomBytes(MIB);
  const before = Object.keys(await chunks()).length;
  const puts = await Promise.all([
    blobs.put(bytes),
    other.put(bytes),
    blobs.put(Readable.from([bytes.subarray(0, 9), bytes.subarray(9)])),
  ]);
  t.equal(new Set(puts.map(({ digest }) => digest)).size, 1);
  t.equal(Object.keys(await chunks()).length, before + 1);
  t.ok((await blobs.stat(puts[0].digest))!.revision >= Math.max(...puts.map(({ revision }) => revision)));
});

t.test('100 MB go in and out in little memory', async (t) => {
  const size = 100 * MIB;
  /** The keystream of a cipher: any amount of noise, the same each time. */
  async function* noise(): AsyncGenerator<Buffer> {
    const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16));
    for (let left = size; left > 0; left -= MIB) yield cipher.update(Buffer.alloc(MIB));
  }
  globalThis.gc?.();
  const base = process.memoryUsage().rss;
  let peak = 0;
  const sampling = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss - base);
  }, 50);
  const { digest } = await blobs.put(noise());
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of await blobs.get(digest)) {
    hash.update(chunk as Buffer);
    bytes += (chunk as Buffer).length;
  }
  clearInterval(sampling);
  t.equal(bytes, size);
  t.equal(`sha256-${hash.digest('hex')}`, digest);
  t.comment(`memory grew by ${Math.round(peak / MIB)} MiB at most`);
  t.ok(peak < 64 * MIB);
  await blobs.delete(digest);
});

t.test('a reader that does not read is not read ahead of, and can leave at once', async (t) => {
  const { digest } = await blobs.put(randomBytes(8 * MIB));
  const stream = await blobs.get(digest);
  await once(stream, 'readable');
  await new Promise((resolve) => setTimeout(resolve, 100));
  t.ok(stream.readableLength <= 512 * 1024, `${stream.readableLength} bytes are waiting`);
  stream.destroy();
  await once(stream, 'close');
  const aborted = await blobs.get(digest);
  const reading = failure(aborted);
  aborted.destroy(new Error('enough'));
  t.match((await reading).error, { message: 'enough' });
});

t.test('a put whose source fails leaves nothing', async (t) => {
  const before = await chunks();
  const source = async function* (): AsyncGenerator<Buffer> {
    yield randomBytes(MIB);
    throw new Error('the pipe broke');
  };
  await t.rejects(blobs.put(source()), { message: 'the pipe broke' });
  t.strictSame(await chunks(), before);
});

t.test('a put killed midway is never seen, and its remains are swept', async (t) => {
  const nats = await testNats(t);
  const own = await open(t, nats);
  const kept = await own.put(Buffer.from('kept'));
  const { user, pass, servers } = nats.connection;
  const child = spawn(
    process.execPath,
    [join(dirname(fileURLToPath(import.meta.url)), 'blobs-child.js'), servers[0]!, user!, pass!],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const exited = once(child, 'exit');
  let lines = 0;
  createInterface({ input: child.stdout }).on('line', () => {
    if (++lines === 3) child.kill('SIGKILL');
  });
  t.match(await exited, [null, 'SIGKILL']);
  const connection = await nats.connect('raw');
  t.teardown(() => connection.close());
  t.strictSame(await own.list(), [await own.stat(kept.digest)], 'only the whole one is listed');
  t.equal(Object.keys(await chunks(connection)).length, 2);
  await own.sweep(60_000);
  t.equal(Object.keys(await chunks(connection)).length, 2, 'it might still be going on');
  await own.sweep(0);
  t.equal(Object.keys(await chunks(connection)).length, 1);
  t.equal((await buffer(await own.get(kept.digest))).toString(), 'kept');
});

t.test('a put and a read go on through kill -9 of nats-server', async (t) => {
  const nats = await testNats(t);
  const own = await open(t, nats);
  const pieces = Array.from({ length: 12 }, () => randomBytes(MIB));
  const source = async function* (): AsyncGenerator<Buffer> {
    for (const [i, piece] of pieces.entries()) {
      if (i % 5 === 4) process.kill(nats.pid!, 'SIGKILL');
      yield piece;
    }
  };
  const { digest } = await own.put(source());
  t.equal(digest, digestOf(Buffer.concat(pieces)));
  const stream = await own.get(digest);
  await once(stream, 'readable');
  process.kill(nats.pid!, 'SIGKILL');
  t.ok((await buffer(stream)).equals(Buffer.concat(pieces)));
});

t.test('damage is told before the end, and mended by another put', async (t) => {
  const bytes = randomBytes(3 * 256 * 1024);
  const { digest } = await blobs.put(bytes);
  const manager = await raw.jetstreamManager();
  const subject = await chunksOf(digest);
  const { seq } = await manager.streams.getMessage(STREAM, { last_by_subj: subject });
  await manager.streams.deleteMessage(STREAM, seq - 1);
  const missing = await failure(await blobs.get(digest));
  t.match(missing.error, { reason: 'InternalError', message: /is damaged: part 3 of 3 is missing/ });
  await blobs.put(bytes);
  t.ok((await buffer(await blobs.get(digest))).equals(bytes), 'mended');

  const next = await chunksOf(digest);
  await manager.streams.purge(STREAM, { filter: next });
  for (let part = 0; part < 3; part++) await raw.jetstream().publish(next, Buffer.alloc(256 * 1024));
  const altered = await failure(await blobs.get(digest));
  t.match(altered.error, { reason: 'InternalError', message: /its bytes are not those that were put/ });
  t.ok(altered.bytes < bytes.length, 'nobody has got all of it');
  await blobs.put(bytes);
  t.ok((await buffer(await blobs.get(digest))).equals(bytes), 'mended');
});

t.test('deleted, kept, swept', async (t) => {
  const { digest, revision } = await blobs.put(Buffer.from('to and fro'));
  t.ok(await blobs.keep(digest));
  await t.rejects(blobs.delete(digest, { revision }), { message: /look again/ });
  const reader = await blobs.get(digest);
  await blobs.delete(digest, { revision: (await blobs.stat(digest))!.revision });
  await blobs.delete(digest);
  t.equal(await blobs.stat(digest), undefined);
  t.equal((await buffer(reader)).toString(), 'to and fro', 'who reads it reads on');
  t.ok(await blobs.keep(digest), 'it can be had back');
  t.equal((await buffer(await blobs.get(digest))).toString(), 'to and fro');
  await blobs.delete(digest);
  await blobs.put(Buffer.from('to and fro'));
  t.ok(await blobs.stat(digest), 'or put again');
  const subject = await chunksOf(digest);
  await blobs.delete(digest);
  await blobs.sweep(60_000);
  t.ok((await chunks())[subject], 'a young one stays');
  await blobs.sweep(0);
  t.notOk((await chunks())[subject]);
  t.notOk(await blobs.keep(digest));
  await t.rejects(blobs.delete(digest, { revision: 1 }), { message: /look again/ });
});

t.test('a put that was swept as dead fails instead of losing its beginning', async (t) => {
  const source = async function* (): AsyncGenerator<Buffer> {
    yield randomBytes(MIB);
    await blobs.sweep(0);
    yield randomBytes(MIB);
  };
  await t.rejects(blobs.put(source()), { message: /taken for dead: put it again/ });
});
