/** The tarball of `npm pack`, installed into an empty folder, brings up a cluster. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import { flags, httpGet, place, until } from './orlop.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../..', import.meta.url));

t.test('npm pack, npm install, orlop up', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'orlop-pack-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  // --ignore-scripts: the build under test is there already, and making it anew would change files that other tests run from.
  const packed = await run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder], {
    cwd: root,
  });
  writeFileSync(join(folder, 'package.json'), '{"private":true}');
  await run(
    'npm',
    ['install', '--no-audit', '--no-fund', '--loglevel=error', join(folder, packed.stdout.trim())],
    {
      cwd: folder,
    },
  );

  const at = await place(t);
  const child = spawn(join(folder, 'node_modules/.bin/orlop'), ['up', ...flags(at)], { cwd: folder });
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  const exited = once(child, 'exit');
  t.teardown(async () => {
    child.kill('SIGINT');
    await exited;
  });
  await until('the installed orlop is ready', 60_000, () => {
    if (child.exitCode !== null) throw new Error(`orlop exited ${child.exitCode}: ${printed}`);
    return printed.includes('Ready in');
  });
  const answer = await httpGet(at.ports.http, '/', 'hello.localhost');
  t.equal(answer.status, 200, answer.body);

  writeFileSync(
    join(folder, 'plugin.mjs'),
    "import { definePlugin } from 'orlop/plugin';\nconsole.log(typeof definePlugin);\n",
  );
  const imported = await run(process.execPath, [join(folder, 'plugin.mjs')]);
  t.equal(imported.stdout, 'function\n', 'orlop/plugin can be imported');

  const command = join(folder, 'node_modules/.bin/orlop');
  await run(command, ['plugin', 'new', 'my-volume', '--kind', 'volume.v1'], { cwd: folder });
  const tested = await run(command, ['plugin', 'test', 'my-volume'], { cwd: folder });
  t.match(tested.stdout, /All is well/, 'a plugin can be written and tested');
  const python = ['--kind', 'scheduler-scoring.v1', '--language', 'python'];
  await run(command, ['plugin', 'new', 'my-scorer', ...python], { cwd: folder });
  t.match((await run(command, ['plugin', 'config', './my-scorer'], { cwd: folder })).stdout, 'packing');
});
