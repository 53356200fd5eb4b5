/**
 * A power cut: a file system of its own, in a file, is shut down in the middle of writes without anything more being written to it
 * (`EXT4_IOC_SHUTDOWN` without a flush of the log), and mounted again as after a boot: it has what had been synced.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { lstatSync, mkdirSync, readlinkSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { ConfigMaps } from '../../kernel/contract/index.ts';
import { type Connection, connectTo } from '../../kernel/nats/index.ts';
import { type ObjectStore, openStore } from '../../kernel/store/index.ts';
import { startNats } from '../../plugins/cli/nats/server/index.ts';
import { greets } from '../../plugins/cli/nats/server/probe.ts';
import { stablePorts } from '../../plugins/cli/ports.ts';
import { eventually } from '../cluster.ts';
import { binary, embedded, quiet, temporaryFolder } from './nats.ts';

const MIB = 1024 * 1024;
const ENOUGH = 500;

function run(command: string, ...args: string[]): void {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stderr}`);
}

interface Disk {
  readonly folder: string;
  /** From here on nothing reaches the disk. */
  cut(): void;
  /** Starts on what the disk has; whoever used it must have ended. */
  boot(): void;
}

function makeDisk(t: Test): Disk {
  const place = temporaryFolder(t);
  const image = join(place, 'disk');
  const folder = join(place, 'mounted');
  mkdirSync(folder);
  writeFileSync(image, '');
  truncateSync(image, 256 * MIB);
  run('mkfs.ext4', '-q', '-F', image);
  const mount = (): void => run('mount', '-o', 'loop', image, folder);
  mount();
  t.teardown(() => spawnSync('umount', ['-l', folder]));
  return {
    folder,
    cut: () =>
      run(
        'perl',
        '-e',
        'open F, "<", $ARGV[0] or die $!; $how = pack("L", 2); ioctl(F, 0x8004587D, $how) or die $!',
        folder,
      ),
    boot() {
      run('umount', folder);
      mount();
    },
  };
}

/** Why this machine cannot do it, if so. */
function obstacle(): string | false {
  try {
    const teardown: (() => void)[] = [];
    const disk = makeDisk({ teardown: (each: () => void) => teardown.unshift(each) } as unknown as Test);
    try {
      disk.cut();
      disk.boot();
    } finally {
      for (const each of teardown) each();
    }
    return false;
  } catch (error) {
    return `cannot mount a file system in a file and cut it off here: ${(error as Error).message.trim()}`;
  }
}

/** Writes until `enough` were acknowledged; then `cut`. Their names. */
async function writeAndCut(connection: Connection, cut: () => void, opened?: () => void): Promise<string[]> {
  const line = await connectTo(connection, 'writer');
  const store = await openStore({ connection: line, log: quiet, writer: 'writer' });
  opened?.();
  const acknowledged: string[] = [];
  let over = false;
  const write = async (id: number): Promise<void> => {
    for (let n = 0; !over; n++) {
      const metadata = { name: `w-${id}-${n}`, namespace: 'default' };
      await store.create(ConfigMaps, { metadata, data: { fill: 'x'.repeat(500) } });
      if (!over) acknowledged.push(metadata.name);
    }
  };
  // What is under way at the cut fails.
  const writers = Array.from({ length: 32 }, (_, id) => write(id).catch(() => undefined));
  await eventually('enough is acknowledged', () => acknowledged.length >= ENOUGH, 60_000);
  over = true;
  cut();
  await store.close();
  await line.close();
  await Promise.all(writers);
  return acknowledged;
}

/** Of what was acknowledged, what a server that starts on the disk does not have. */
async function lostOf(acknowledged: readonly string[], dataDir: string): Promise<string[]> {
  const server = await startNats({ dataDir, ...embedded, log: quiet });
  const line = await server.connect('reader');
  let store: ObjectStore | undefined;
  try {
    store = await openStore({ connection: line, log: quiet, writer: 'reader' });
    const { items } = await store.list(ConfigMaps);
    const found = new Set(items.map(({ key }) => key.name));
    return acknowledged.filter((name) => !found.has(name));
  } finally {
    await store?.close();
    await line.close();
    await server.stop();
  }
}

const skip = obstacle();

t.test('a power cut takes nothing that was acknowledged', { skip, timeout: 180_000 }, async (t) => {
  const disk = makeDisk(t);
  for (let round = 0; round < 3; round++) {
    const dataDir = join(disk.folder, `round-${round}`);
    mkdirSync(dataDir);
    const server = await startNats({ dataDir, ...embedded, log: quiet });
    const made = (): void => server.streamsMade();
    const acknowledged = await writeAndCut(server.connection, () => disk.cut(), made);
    process.kill(server.pid!, 'SIGKILL');
    await server.stop().catch(() => undefined);
    disk.boot();
    // What was staged in memory is gone too.
    const staged = join(dataDir, 'nats/store/jetstream/$G/streams/orlop-objects/batches');
    const inMemory = lstatSync(staged, { throwIfNoEntry: false })?.isSymbolicLink();
    if (inMemory) rmSync(dirname(readlinkSync(staged)), { recursive: true, force: true });
    t.comment(inMemory ? 'batches were staged in memory' : 'batches were staged on disk');
    t.strictSame(await lostOf(acknowledged, dataDir), [], `all of ${acknowledged.length} are there`);
  }
});

t.test('a server that syncs at its leisure loses some', { skip, timeout: 180_000 }, async (t) => {
  const disk = makeDisk(t);
  const folder = join(disk.folder, 'nats');
  mkdirSync(folder);
  const [port] = await stablePorts(1);
  const conf = join(temporaryFolder(t), 'conf');
  writeFileSync(
    conf,
    `listen: "127.0.0.1:${port}"\njetstream { store_dir: ${JSON.stringify(join(folder, 'store'))} }\n`,
  );
  const child = spawn(binary, ['-c', conf], { stdio: 'ignore' });
  const exited = once(child, 'exit');
  while (!(await greets('127.0.0.1', port!))) await sleep(20);
  // The streams themselves are there; what is lost is in them.
  const opened = (): void => run('sync', '-f', folder);
  const servers = [`nats://127.0.0.1:${port}`];
  const acknowledged = await writeAndCut({ servers }, () => disk.cut(), opened);
  child.kill('SIGKILL');
  await exited;
  disk.boot();
  const lost = await lostOf(acknowledged, disk.folder);
  t.ok(lost.length > 0, `${lost.length} of ${acknowledged.length} are lost: the cut is one`);
});
