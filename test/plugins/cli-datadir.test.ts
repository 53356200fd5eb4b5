import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { openDataDir } from '../../plugins/cli/datadir.ts';
import { testdir } from '../testdir.ts';

/** Takes the folder in a process of its own, and keeps it. */
async function holder(path: string) {
  const module = new URL('../../plugins/cli/datadir.js', import.meta.url).href;
  const script = `import(${JSON.stringify(module)}).then(({ openDataDir }) => { console.log(openDataDir(process.argv[1]).kernelId); setInterval(() => {}, 1e6); })`;
  const child = spawn(process.execPath, ['-e', script, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [id] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, id: String(id).trim() };
}

t.test('one process at a time; a lock left by kill -9 is taken over', async (t) => {
  const path = join(testdir(t), 'data');
  const { child, id } = await holder(path);
  t.throws(() => openDataDir(path), {
    message: new RegExp(
      `in use by process ${child.pid}: stop it \\(kill ${child.pid}\\), or choose another folder`,
    ),
  });
  child.kill('SIGKILL');
  await once(child, 'exit');
  t.ok(existsSync(join(path, 'lock')), 'the lock is left behind');
  const mine = openDataDir(path);
  t.equal(mine.kernelId, id, 'the id stays');
  t.match(id, /^[a-z0-9-]+-[0-9a-f]{5}$/);
  t.throws(() => openDataDir(path), { message: /in use by this process/ });
  mine.release();
  openDataDir(path).release();
  t.equal(statSync(path).mode & 0o777, 0o700);
});

t.test('a lock of a pid that is another process now is stale', async (t) => {
  const path = testdir(t);
  writeFileSync(join(path, 'lock'), JSON.stringify({ pid: process.ppid, started: 'long ago' }));
  openDataDir(path).release();
  writeFileSync(join(path, 'lock'), '{"pi');
  const mine = openDataDir(path);
  t.equal(
    (JSON.parse(readFileSync(join(path, 'lock'), 'utf8')) as { pid: number }).pid,
    process.pid,
    'a torn one too',
  );
  mine.release();
});

t.test('a folder that cannot be used is said so', async (t) => {
  const file = join(testdir(t, { file: '' }), 'file');
  t.throws(() => openDataDir(join(file, 'data')), {
    message: /cannot use the data folder .*choose another with --data/,
  });
});
