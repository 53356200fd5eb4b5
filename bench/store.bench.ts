/**
 * The object store and the event bus, beside raw publishes to the same nats-server in the same run.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { headers, type NatsConnection } from 'nats';
import { openBus } from '../kernel/bus/index.ts';
import { type ConfigMap, ConfigMaps, type Logger } from '../kernel/contract/index.ts';
import { type ObjectStore, openBlobs, openStore } from '../kernel/store/index.ts';
import { findServer } from '../plugins/cli/nats/binary.ts';
import { startNats } from '../plugins/cli/nats/server/index.ts';
import { lazyServer } from './lazy-server.ts';
import { percentile, Report } from './report.ts';

const BYTES = 2048;
const OBJECTS = 10_000;
const BLOB_BYTES = 128 * 1024 * 1024;
const STREAM_BYTES = 256 * 1024 * 1024;
const log: Logger = { debug() {}, info() {}, warn: console.error, error: console.error };
const binary = await findServer(
  join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'orlop'),
  console.error,
);
const folder = mkdtempSync(join(tmpdir(), 'orlop-bench-'));
const report = new Report('store');
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Runs `operation` for 0..count-1, `inFlight` at a time. Returns operations per second; latencies in milliseconds go to the report. */
async function rate(
  name: string,
  count: number,
  inFlight: number,
  operation: (i: number) => Promise<unknown>,
): Promise<number> {
  const latencies: number[] = [];
  let next = 0;
  const started = performance.now();
  const worker = async (): Promise<void> => {
    for (let i = next++; i < count; i = next++) {
      const began = performance.now();
      await operation(i);
      latencies.push(performance.now() - began);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  const perSecond = (count * 1000) / (performance.now() - started);
  report.result(`${name}, ${inFlight} in flight`, perSecond, 'ops/s');
  report.result(`${name}, ${inFlight} in flight: p50`, percentile(latencies, 0.5), 'ms');
  report.result(`${name}, ${inFlight} in flight: p99`, percentile(latencies, 0.99), 'ms');
  return perSecond;
}

function config(name: string, fill = 'x'): ConfigMap {
  return { metadata: { name, namespace: 'bench' }, data: { fill: fill.repeat(BYTES - 200) } };
}

/** Compare-and-swap publishes, one message at a time each: what the store would do without batches. */
function raw(connection: NatsConnection, prefix: string): (i: number) => Promise<unknown> {
  const body = Buffer.from(JSON.stringify(config('raw')));
  return async (i) => {
    const all = headers();
    all.set('Nats-Expected-Last-Subject-Sequence', '0');
    const answer = await connection.request(`${prefix}.${i}`, body, { headers: all, timeout: 30_000 });
    const { error } = answer.json<{ error?: object }>();
    if (error) throw new Error(JSON.stringify(error));
  };
}

async function rawStream(connection: NatsConnection): Promise<void> {
  const manager = await connection.jetstreamManager();
  await manager.streams.add({
    name: 'raw',
    subjects: ['raw.>'],
    max_msgs_per_subject: 8,
    allow_direct: true,
  });
}

async function writes(store: ObjectStore, durable: NatsConnection, lazy: NatsConnection): Promise<void> {
  for (const [inFlight, count] of [
    [1, 500],
    [32, 4_000],
    [256, 10_000],
  ] as const) {
    const one = await rate('raw durable publish', count, inFlight, raw(durable, `raw.d${inFlight}`));
    const loose = await rate('raw publish, not durable', count, inFlight, raw(lazy, `raw.l${inFlight}`));
    const ours = await rate('store create', count, inFlight, (i) =>
      store.create(ConfigMaps, config(`c${inFlight}-${i}`)),
    );
    if (inFlight === 1) continue;
    report.goal(`creates to raw durable publishes, ${inFlight} in flight`, ours / one, 'x', '>=', 3);
    report.goal(`creates to raw publishes not durable, ${inFlight} in flight`, ours / loose, 'x', '>=', 0.7);
  }
  await rate('store update', 4_000, 32, (i) => store.update(ConfigMaps, config(`c32-${i}`, 'y')));
  await rate('linearizable get', 10_000, 32, () =>
    store.get(ConfigMaps, { namespace: 'bench', name: 'c32-7' }),
  );
}

async function lists(store: ObjectStore): Promise<void> {
  const times: number[] = [];
  for (let i = 0; i < 20; i++) {
    const began = performance.now();
    const list = await store.list(ConfigMaps, { revision: 0, limit: OBJECTS });
    let bytes = 0;
    for (const item of list.items) bytes += item.bytes.length;
    times.push(performance.now() - began);
    if (list.items.length !== OBJECTS || bytes === 0) throw new Error(`${list.items.length} objects listed`);
  }
  report.result(`list of ${OBJECTS} as bytes: p50`, percentile(times, 0.5), 'ms');
}

/** From before the write until the last watcher has the event: p50 in milliseconds. */
async function fanOut(store: ObjectStore, watchers: number): Promise<number> {
  let count = 0;
  let all: () => void = () => undefined;
  const since = store.revision();
  const watches = Array.from({ length: watchers }, () =>
    store.watch(
      ConfigMaps,
      { namespace: 'fan', since },
      {
        event: () => {
          count += 1;
          if (count === watchers) all();
        },
        closed: () => undefined,
      },
    ),
  );
  await store.create(ConfigMaps, { metadata: { name: `warm-${watchers}`, namespace: 'other' } });
  const times: number[] = [];
  for (let i = 0; i < 50; i++) {
    count = 0;
    const done = new Promise<void>((resolve) => {
      all = resolve;
    });
    const began = performance.now();
    const written = store.create(ConfigMaps, { metadata: { generateName: 'f-', namespace: 'fan' } });
    await done;
    times.push(performance.now() - began);
    await written;
  }
  for (const watch of watches) watch.close();
  return report.result(`write to the last of ${watchers} watchers: p50`, percentile(times, 0.5), 'ms');
}

async function main(): Promise<void> {
  const server = await startNats({ dataDir: folder, binary, log });
  const lazy = await lazyServer(binary, join(folder, 'lazy'));
  const connection = await server.connect('bench store');
  const plain = await server.connect('bench raw');
  const store = await openStore({ connection, log, writer: 'bench' });
  server.streamsMade();
  try {
    await rawStream(plain);
    await rawStream(lazy.connection);
    await writes(store, plain, lazy.connection);
    await lists(store);
    const alone = await fanOut(store, 1);
    await fanOut(store, 100);
    const p50 = (await fanOut(store, 1_000)) - alone;
    await fanOut(store, 10_000);
    report.goal('fan-out to 1,000 watchers beyond that to one: p50', Math.max(0, p50), 'ms', '<=', 1);
    await load(server);
    await stream(server);
    await blobs(server);
    await history(store, plain);
  } finally {
    await store.close();
    await connection.close();
    await plain.close();
    await lazy.stop();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  report.end();
}

/** A second process's start: time until everything is in its cache, and what that takes in memory. */
async function load(server: Awaited<ReturnType<typeof startNats>>): Promise<void> {
  const connection = await server.connect('bench load');
  collectGarbage();
  const before = process.memoryUsage();
  const began = performance.now();
  const store = await openStore({ connection, log, writer: 'bench' });
  const took = performance.now() - began;
  const { objects, bytes } = store.stats();
  report.result('cold load', (objects * 1000) / took, 'objects/s');
  collectGarbage();
  const after = process.memoryUsage();
  const used = after.heapUsed - before.heapUsed + after.arrayBuffers - before.arrayBuffers;
  const each = report.result('memory per object', used / objects, 'B');
  report.goal('memory per object beyond 1.3 times its bytes', each - (1.3 * bytes) / objects, 'B', '<=', 600);
  await store.close();
  await connection.close();
}

/** What it costs that a stream keeps 8 revisions of an object instead of one, in time and on disk. */
async function history(store: ObjectStore, connection: NatsConnection): Promise<void> {
  const manager = await connection.jetstreamManager();
  const name = 'orlop-objects';
  const size = async (): Promise<number> => (await manager.streams.info(name)).state.bytes;
  const updates = async (label: string): Promise<number> =>
    await rate(label, 8_000, 256, (i) =>
      store.update(ConfigMaps, config(`c256-${i % 1_000}`, 'abcdefgh'[Math.floor(i / 1_000)])),
    );
  const before = await size();
  const kept = await updates('update, 8 revisions kept');
  const grown = await size();
  await manager.streams.update(name, { max_msgs_per_subject: 1 });
  const alone = await updates('update, 1 revision kept');
  report.result('updates with 8 revisions kept to those with 1', kept / alone, 'x');
  report.result(
    'stream with 8 revisions of 1,000 objects more than with 1',
    (grown - before) / 1024 / 1024,
    'MiB',
  );
}

async function stream(server: Awaited<ReturnType<typeof startNats>>): Promise<void> {
  const connections = [await server.connect('bench a'), await server.connect('bench b')];
  const [a, b] = connections.map((connection) => openBus({ connection, log }));
  b!.acceptStreams('bench', (_params, incoming) => void incoming.resume().on('end', () => incoming.end()));
  await connections[1]!.flush();
  const outgoing = await a!.openStream('bench', null);
  outgoing.resume();
  const chunk = Buffer.alloc(64 * 1024);
  const began = performance.now();
  for (let sent = 0; sent < STREAM_BYTES; sent += chunk.length)
    if (!outgoing.write(chunk)) await once(outgoing, 'drain');
  outgoing.end();
  await once(outgoing, 'end');
  report.result('bus stream', STREAM_BYTES / 1024 / 1024 / ((performance.now() - began) / 1000), 'MiB/s');
  await a!.close();
  await b!.close();
  for (const connection of connections) await connection.close();
}

/** Noise, so that nothing can be left out. */
async function blobs(server: Awaited<ReturnType<typeof startNats>>): Promise<void> {
  const connection = await server.connect('bench blobs');
  const store = openBlobs(connection);
  const bytes = randomBytes(BLOB_BYTES);
  const rate = (began: number): number => BLOB_BYTES / 1024 / 1024 / ((performance.now() - began) / 1000);
  let began = performance.now();
  const { digest } = await store.put(bytes);
  report.result('blob put, durable', rate(began), 'MiB/s');
  began = performance.now();
  for await (const _ of await store.get(digest));
  report.result('blob get', rate(began), 'MiB/s');
  began = performance.now();
  await store.put(bytes);
  report.result('blob put that is there already', rate(began), 'MiB/s');
  store.close();
  await connection.close();
}

await main();
