import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { filesystem } from '../../runtimes/wasm/guest/wasi/filesystem.ts';
import type { Descriptor } from '../../runtimes/wasm/guest/wasi/fs-descriptor.ts';
import { testdir } from '../testdir.ts';

const READ = { read: true };
const WRITE = { write: true };
const FOLLOW = { symlinkFollow: true };

interface Preopens {
  getDirectories(): [Descriptor, string][];
}

function preopens(...mounts: Parameters<typeof filesystem>[0]): Map<string, Descriptor> {
  const { getDirectories } = filesystem(mounts)['wasi:filesystem/preopens'] as Preopens;
  return new Map(getDirectories().map(([descriptor, path]) => [path, descriptor]));
}

/** A volume beside a file that no guest may reach. */
function volume(t: Test, readOnly = false): { dir: string; root: Descriptor } {
  const dir = testdir(t, { secret: 'secret', volume: { file: 'content', folder: { deep: 'deep' } } });
  const hostPath = join(dir, 'volume');
  return { dir: hostPath, root: preopens({ hostPath, containerPath: '/v', readOnly }).get('/v')! };
}

function read(root: Descriptor, path: string): string {
  const [bytes] = root.openAt(FOLLOW, path, {}, READ).read(1000n, 0n);
  return Buffer.from(bytes).toString();
}

t.test('files are read and written', async (t) => {
  const { dir, root } = volume(t);
  t.equal(read(root, 'file'), 'content');
  t.equal(read(root, './folder/../folder//deep'), 'deep');
  const file = root.openAt({}, 'new', { create: true }, { read: true, write: true });
  file.writeViaStream(0n).write(Buffer.from('one'));
  file.appendViaStream().write(Buffer.from(' two'));
  t.equal(file.write(Buffer.from('O'), 0n), 1n);
  t.equal(readFileSync(join(dir, 'new'), 'utf8'), 'One two');
  t.match(file.stat(), { type: 'regular-file', size: 7n });
  const stream = file.readViaStream(4n);
  t.equal(Buffer.from(stream.read(100n)).toString(), 'two');
  t.throws(() => stream.read(1n), { message: /closed/ });
  root.createDirectoryAt('made');
  root.renameAt('new', root, 'made/moved');
  const entries = root.openAt({}, 'made', { directory: true }, READ).readDirectory();
  t.same(entries.readDirectoryEntry(), { name: 'moved', type: 'regular-file' });
  t.equal(entries.readDirectoryEntry(), undefined);
  root.unlinkFileAt('made/moved');
  root.removeDirectoryAt('made');
  t.throws(() => root.statAt({}, 'made'), { message: 'no-entry' });
  t.throws(() => root.openAt({}, 'file', { create: true, exclusive: true }, WRITE), { message: 'exist' });
  t.throws(() => root.openAt({}, 'folder', {}, WRITE), { message: 'is-directory' });
  t.throws(() => root.openAt({}, 'file/', {}, READ), { message: 'not-directory' });
});

t.test('no path leads out of a volume', async (t) => {
  const { dir, root } = volume(t);
  symlinkSync('../secret', join(dir, 'up'));
  symlinkSync(join(dir, '../secret'), join(dir, 'absolute'));
  symlinkSync('..', join(dir, 'parent'));
  symlinkSync('loop', join(dir, 'loop'));
  symlinkSync('../file', join(dir, 'folder/inside'));
  for (const path of ['../secret', '/etc/passwd', 'folder/../../secret', 'up', 'absolute', 'parent/secret']) {
    t.throws(() => read(root, path), { message: 'not-permitted' }, path);
    t.throws(() => root.openAt(FOLLOW, path, { create: true, truncate: true }, WRITE), {
      message: 'not-permitted',
    });
  }
  t.throws(() => read(root, 'loop'), { message: 'loop' });
  t.equal(read(root, 'folder/inside'), 'content', 'a link that stays inside is followed');
  t.equal(root.readlinkAt('up'), '../secret');
  t.throws(() => root.openAt({}, 'up', {}, READ), { message: 'loop' }, 'not followed unless asked to');
  t.throws(() => root.symlinkAt('/etc', 'x'), { message: 'not-permitted' });
  for (const path of ['', '.', 'folder/..']) {
    t.throws(() => root.renameAt(path, root, 'x'), { message: 'not-permitted' }, 'the volume itself stays');
  }
});

t.test('an open folder that is replaced by a link leads nowhere else', async (t) => {
  const { root } = volume(t);
  const folder = root.openAt({}, 'folder', { directory: true }, READ);
  root.renameAt('folder', root, 'elsewhere');
  root.symlinkAt('..', 'folder');
  t.throws(() => read(folder, 'secret'), { message: 'not-permitted' });
});

t.test('a read-only volume refuses every change', async (t) => {
  const { dir, root } = volume(t, true);
  t.equal(read(root, 'file'), 'content');
  const changes: (() => unknown)[] = [
    () => root.openAt({}, 'file', {}, WRITE),
    () => root.openAt({}, 'file', { truncate: true }, READ),
    () => root.openAt({}, 'new', { create: true }, READ),
    () => root.openAt({}, 'folder', { directory: true }, READ).createDirectoryAt('x'),
    () => root.createDirectoryAt('x'),
    () => root.unlinkFileAt('file'),
    () => root.removeDirectoryAt('folder'),
    () => root.renameAt('file', root, 'x'),
    () => root.symlinkAt('file', 'x'),
    () => root.linkAt({}, 'file', root, 'x'),
    () => root.setTimesAt({}, 'file', { tag: 'now' }, { tag: 'now' }),
    () => root.openAt({}, 'file', {}, READ).setTimes({ tag: 'now' }, { tag: 'now' }),
  ];
  for (const change of changes) t.throws(change, { message: 'read-only' }, String(change));
  t.throws(() => root.openAt({}, 'file', {}, READ).setSize(0n), { message: 'bad-descriptor' });
  t.equal(readFileSync(join(dir, 'file'), 'utf8'), 'content');
  const { root: writable } = volume(t);
  t.throws(() => root.renameAt('file', writable, 'x'), { message: 'read-only' });
  t.throws(() => writable.renameAt('file', root, 'x'), { message: 'read-only' });
});

t.test('a single file is mounted into a folder of its own', async (t) => {
  const dir = testdir(t, { 'app.conf': 'setting', other: 'other' });
  mkdirSync(join(dir, 'data'));
  writeFileSync(join(dir, 'data/x'), 'x');
  const roots = preopens(
    { hostPath: join(dir, 'app.conf'), containerPath: '/etc/app/app.conf', readOnly: true },
    { hostPath: join(dir, 'data'), containerPath: '/data', readOnly: false },
  );
  t.same([...roots.keys()].sort(), ['/data', '/etc/app']);
  const etc = roots.get('/etc/app')!;
  t.equal(read(etc, 'app.conf'), 'setting');
  t.throws(() => read(etc, 'other'), { message: 'no-entry' });
  t.match(etc.stat(), { type: 'directory' });
  t.same(etc.readDirectory().readDirectoryEntry(), { name: 'app.conf', type: 'regular-file' });
});
