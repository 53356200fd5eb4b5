/** `kill -9` of what a cluster is made of, under load, and after each kill a look whether all that was acknowledged is there. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigMaps, isStatus } from '../../../kernel/contract/index.ts';
import type { NatsServer } from '../../../kernel/nats/index.ts';
import { type ObjectStore, openStore } from '../../../kernel/store/index.ts';
import { startNats } from '../../../plugins/cli/nats/server/index.ts';
import { eventually } from '../../cluster.ts';
import { embedded, quiet } from '../nats.ts';
import { Ledger, NAMESPACE } from './ledger.ts';
import type { WriterOptions } from './writer.ts';

/** What is killed: the server under load; again while it starts; a kernel; a kernel with its server, which is orphaned or killed too; the leader of three. */
export type Victim = 'server' | 'restart' | 'kernel' | 'both' | 'leader';

export interface Outcome {
  kills: number;
  acknowledged: number;
  unknown: number;
  /** Empty: nothing was lost. */
  wrong: string[];
}

const BETWEEN = 200;

/** Kills one kind of victim some times in a cluster of its own. Throws when the cluster does not come back. */
export async function kill(victim: Victim, times: number, tell: (text: string) => void): Promise<Outcome> {
  const dataDir = mkdtempSync(join(tmpdir(), 'orlop-kills-'));
  try {
    const ledger = new Ledger();
    const run = victim === 'both' ? killBoth : killParts;
    const wrong = await run(victim, times, dataDir, ledger, tell);
    return { kills: times, acknowledged: ledger.acknowledged, unknown: ledger.unknown, wrong };
  } finally {
    rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function killParts(
  victim: Victim,
  times: number,
  dataDir: string,
  ledger: Ledger,
  tell: (text: string) => void,
): Promise<string[]> {
  const replicas = victim === 'leader' ? 3 : 1;
  const server = await startNats({ dataDir, ...embedded, log: quiet, replicas });
  const { connection } = server;
  const wrong: string[] = [];
  const line = await server.connect('observer');
  const observer = await openStore({ connection: line, log: quiet, writer: 'observer', replicas });
  server.streamsMade();
  const watched = watch(observer, wrong);
  let writer = startWriter({ connection, round: 'r0' }, ledger);
  try {
    for (let n = 1; n <= times; n++) {
      await writer.progress(BETWEEN);
      if (victim === 'kernel') {
        await writer.kill();
        writer = startWriter({ connection, round: `r${n}` }, ledger);
      } else {
        const index = victim === 'leader' ? await leader(server) : 0;
        await killServer(server, index);
        if (victim === 'restart') await killServer(server, index);
      }
      wrong.push(...(await check(server, ledger)));
      tell(`${victim} ${n}: ${ledger.acknowledged} acknowledged, ${wrong.length} wrong`);
      if (wrong.length > 0) return wrong;
    }
    await writer.progress(BETWEEN);
    await writer.kill();
    wrong.push(...(await check(server, ledger)));
    const { items } = await observer.list(ConfigMaps, { namespace: NAMESPACE });
    const present = items.map(({ key, value }) => `${key.name} ${value.data?.['n']}`).sort();
    const seen = [...watched].map(([name, n]) => `${name} ${n}`).sort();
    if (present.join() !== seen.join())
      wrong.push('the watch that lived through the kills differs from a list');
    return wrong;
  } finally {
    await writer.kill();
    await observer.close();
    await line.close();
    await server.stop();
  }
}

/** A kernel that embeds its server, started again and again on one folder. */
async function killBoth(
  _victim: Victim,
  times: number,
  dataDir: string,
  ledger: Ledger,
  tell: (text: string) => void,
): Promise<string[]> {
  for (let n = 1; n <= times; n++) {
    const writer = startWriter({ dataDir, round: `r${n}` }, ledger);
    await writer.progress(BETWEEN);
    // Each second time the server is left behind, and stopped by the next start.
    if (n % 2 === 0)
      process.kill(Number(readFileSync(join(dataDir, 'nats/nats-server.pid'), 'utf8')), 'SIGKILL');
    await writer.kill();
    const server = await startNats({ dataDir, ...embedded, log: quiet });
    const wrong = await check(server, ledger);
    await server.stop();
    tell(`both ${n}: ${ledger.acknowledged} acknowledged, ${wrong.length} wrong`);
    if (wrong.length > 0) return wrong;
  }
  return [];
}

interface RunningWriter {
  /** Resolves after so many more acknowledged writes. */
  progress(count: number): Promise<void>;
  kill(): Promise<void>;
}

function startWriter(o: WriterOptions, ledger: Ledger): RunningWriter {
  const path = new URL('./writer.js', import.meta.url).pathname;
  const child = spawn(process.execPath, [path, JSON.stringify(o)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => ledger.line(line));
  const closed = once(lines, 'close');
  let killed = false;
  return {
    async progress(count) {
      const enough = ledger.acknowledged + count;
      await eventually(
        `${count} writes`,
        () => {
          if (child.exitCode !== null) throw new Error(`a writer ended with ${child.exitCode}`);
          return ledger.acknowledged >= enough;
        },
        120_000,
      );
    },
    async kill() {
      if (!killed) child.kill('SIGKILL');
      killed = true;
      await closed;
    },
  };
}

async function killServer(server: NatsServer, index: number): Promise<void> {
  const pid = server.pids[index]!;
  process.kill(pid, 'SIGKILL');
  while (server.pids[index] === pid) await sleep(2);
}

/** The place of the server that leads the objects' stream, once all copies are there: one server at a time may be missing. */
async function leader(server: NatsServer): Promise<number> {
  const connection = await server.connect('leader');
  try {
    return await eventually(
      'all copies are current',
      async () => {
        const manager = await connection.jetstreamManager({ timeout: 1_000 });
        const info = await manager.streams.info('orlop-objects').catch(() => undefined);
        const { leader: name = '', replicas = [] } = info?.cluster ?? {};
        const settled = replicas.length === 2 && replicas.every(({ current }) => current);
        return settled ? String(Number(name.slice(-1)) - 1) : undefined;
      },
      120_000,
    ).then(Number);
  } finally {
    await connection.close();
  }
}

/** By a process that has just started, as far as the store can tell. */
async function check(server: NatsServer, ledger: Ledger): Promise<string[]> {
  return await eventually('it serves again', () => checkOnce(server, ledger), 60_000);
}

/** `undefined` while it does not serve. */
async function checkOnce(server: NatsServer, ledger: Ledger): Promise<string[] | undefined> {
  const opened: { close(): Promise<void> }[] = [];
  try {
    const connection = await server.connect('check');
    opened.unshift(connection);
    const store = await openStore({ connection, log: quiet, writer: 'check' });
    opened.unshift(store);
    return await ledger.check(store);
  } catch (error) {
    if (isStatus(error, 'ServiceUnavailable', 'Timeout')) return undefined;
    throw error;
  } finally {
    for (const each of opened) await each.close();
  }
}

/**
 * The numbers of the objects there are, as a watch tells them; what it tells wrongly goes to `wrong`. A watch that is told to list again
 * does so: tombstones expire here while copies of the stream have no leader.
 */
function watch(
  store: ObjectStore,
  wrong: string[],
  present = new Map<string, number>(),
): Map<string, number> {
  present.clear();
  let last = 0;
  let live = false;
  store.watch(
    ConfigMaps,
    { namespace: NAMESPACE, initial: true },
    {
      event({ type, object, revision, initialEventsEnd }) {
        if (initialEventsEnd) live = true;
        if (!object) return;
        // The present state comes by name, what follows by revision.
        if (live && revision <= last) wrong.push(`the watch went from revision ${last} to ${revision}`);
        last = Math.max(last, revision);
        if (type === 'DELETED') present.delete(object.key.name);
        else present.set(object.key.name, Number(object.value.data?.['n']));
      },
      closed(error) {
        if (isStatus(error, 'Expired')) watch(store, wrong, present);
        else if (error) wrong.push(`the watch ended: ${error.message}`);
      },
    },
  );
  return present;
}
