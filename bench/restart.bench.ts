/**
 * How long a kernel's nats-server and store take from their start until they serve: with 100,000 objects, and with few and many past writes of
 * those. Filled by raw publishes to a server that syncs at its leisure: only what is on disk counts here, not how it came there.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { headers, type NatsConnection } from 'nats';
import { ConfigMaps, type Logger } from '../kernel/contract/index.ts';
import { openStore } from '../kernel/store/index.ts';
import { subjectOf } from '../kernel/store/subjects.ts';
import { findServer } from '../plugins/cli/nats/binary.ts';
import { startNats } from '../plugins/cli/nats/server/index.ts';
import { lazyServer } from './lazy-server.ts';
import { Report } from './report.ts';

const OBJECTS = 100_000;
const FEW = 200_000;
const MANY = 2_000_000;
const AT_ONCE = 10_000;
const log: Logger = { debug() {}, info() {}, warn: console.error, error: console.error };
const binary = await findServer(
  join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'orlop'),
  console.error,
);
const report = new Report('restart');

/** A data folder whose store saw so many writes to `OBJECTS` objects, one after the other and again, of so many bytes. */
async function fill(writes: number, bytes: number): Promise<string> {
  const dataDir = mkdtempSync(join(tmpdir(), 'orlop-bench-'));
  mkdirSync(join(dataDir, 'nats'));
  const server = await lazyServer(binary, join(dataDir, 'nats/store'));
  const store = await openStore({ connection: server.connection, log, writer: 'bench' });
  await store.close();
  const padding = 'x'.repeat(bytes);
  for (let i = 0; i < writes; i++) {
    write(server.connection, i % OBJECTS, padding);
    // Not further ahead of the server than it can hold.
    if (i % AT_ONCE === AT_ONCE - 1) await caughtUp(server.connection, i);
  }
  await caughtUp(server.connection, writes);
  await server.stop();
  return dataDir;
}

function write(connection: NatsConnection, n: number, fill: string): void {
  const name = `object-${n}`;
  const metadata = {
    name,
    namespace: 'bench',
    uid: `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
  };
  const object = { kind: 'ConfigMap', apiVersion: 'v1', metadata, data: { fill } };
  const all = headers();
  all.set('Orlop-Write', `bench.${n}`);
  all.set('Orlop-Writer', 'bench');
  connection.publish(subjectOf(ConfigMaps, metadata), JSON.stringify(object), { headers: all });
}

async function caughtUp(connection: NatsConnection, writes: number): Promise<void> {
  await connection.flush();
  for (;;) {
    const manager = await connection.jetstreamManager({ timeout: 60_000 });
    const { state } = await manager.streams.info('orlop-objects');
    if (state.last_seq >= writes) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Milliseconds from starting nats-server until a linearizable read is answered; the server then stops in order, or not. */
async function restart(dataDir: string, end: 'SIGINT' | 'SIGKILL'): Promise<number> {
  const began = performance.now();
  const server = await startNats({ dataDir, binary, log });
  const connection = await server.connect('bench');
  const highWater = join(dataDir, 'revisions.json');
  const store = await openStore({ connection, log, writer: 'bench', highWater });
  const { items } = await store.list(ConfigMaps, { limit: OBJECTS + 1 });
  const took = performance.now() - began;
  if (items.length !== OBJECTS) throw new Error(`${items.length} objects`);
  await store.close();
  await connection.close();
  if (end === 'SIGKILL') process.kill(server.pid!, end);
  await server.stop();
  return took;
}

/** The best of three: what is asked is what it takes, not what else the machine did. */
async function measure(dataDir: string): Promise<{ stopped: number; killed: number }> {
  const stopped: number[] = [];
  const killed: number[] = [];
  for (let i = 0; i < 3; i++) {
    await restart(dataDir, 'SIGKILL');
    killed.push(await restart(dataDir, 'SIGINT'));
    stopped.push(await restart(dataDir, 'SIGINT'));
  }
  return { stopped: Math.min(...stopped), killed: Math.min(...killed) };
}

async function figures(
  name: string,
  writes: number,
  bytes: number,
): Promise<{ stopped: number; killed: number }> {
  const dataDir = await fill(writes, bytes);
  try {
    const times = await measure(dataDir);
    report.result(`restart, ${name}`, times.stopped / 1000, 's');
    report.result(`restart after kill -9, ${name}`, times.killed / 1000, 's');
    return times;
  } finally {
    rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 });
  }
}

const large = await figures('100,000 objects of 2 KiB', OBJECTS, 1_800);
const few = await figures('200,000 past writes', FEW, 100);
const many = await figures('2,000,000 past writes', MANY, 100);
report.goal('restart with 100,000 objects of 2 KiB', large.stopped / 1000, 's', '<=', 3);
report.goal('restart with 2,000,000 past writes to 200,000', many.stopped / few.stopped, 'x', '<=', 1);
report.goal('the same after kill -9', many.killed / few.killed, 'x', '<=', 1);
report.end();
