/** What `orlop plugin new` writes: its types check, and it passes its own tests and the suite of its kind. */
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import { testPlugin } from '../../plugins/cli/plugin/test.ts';
import { orlop } from './orlop.ts';
import { folder, skeletons } from './skeletons.ts';

const run = promisify(execFile);
const modules = fileURLToPath(new URL('../../../node_modules', import.meta.url));

t.test('a skeleton of every kind', async (t) => {
  const at = folder(t);
  const all = skeletons(at);
  await t.test('types check', async (t) => {
    const config = JSON.parse(readFileSync(join(at, 'my-volume/jsconfig.json'), 'utf8')) as object;
    writeFileSync(join(at, 'jsconfig.json'), JSON.stringify({ ...config, include: ['*/*.mjs'] }));
    const tsc = [join(modules, 'typescript/bin/tsc'), '--typeRoots', join(modules, '@types')];
    const { stdout } = await run(process.execPath, [...tsc, '-p', join(at, 'jsconfig.json')]).catch(
      (error: { stdout: string }) => error,
    );
    t.equal(stdout, '');
  });
  await t.test('passes its own tests', async (t) => {
    const { stdout } = await run(process.execPath, ['--test', at]).catch(
      (error: { stdout: string }) => error,
    );
    t.match(stdout, /^# fail 0$/m);
    t.ok(Number(/^# pass (\d+)$/m.exec(stdout)?.[1]) >= all.size, stdout);
  });
  for (const [kind, path] of all) {
    const lines: string[] = [];
    const code = await testPlugin(path, (line) => lines.push(line));
    const printed = lines.join('\n');
    t.equal(code, 0, `${kind}: ${printed}`);
    t.match(printed, new RegExp(`it swaps for itself[\\s\\S]*: conformance to ${kind}[\\s\\S]*All is well`));
  }
});

t.test('npm test, and what is refused', async (t) => {
  const at = folder(t);
  const path = join(at, 'my-volume');
  const made = await orlop('plugin', 'new', path, '--kind', 'volume.v1');
  t.match(made, { code: 0, stdout: /npm test --prefix/ }, made.stderr);
  // As a cluster of `plugin dev` leaves some.
  mkdirSync(join(path, '.orlop'));
  symlinkSync('nowhere', join(path, '.orlop/link'));
  const tested = await run('npm', ['test', '--prefix', path]);
  t.match(tested.stdout, /# pass 1[\s\S]*All is well/);
  t.match((await orlop('plugin', 'config', path)).stdout, '(volume.v1, version 0.1.0)');
  const module = join(path, 'index.mjs');
  writeFileSync(module, readFileSync(module, 'utf8').replace('await rm(', 'void ('));
  const broken = await orlop('plugin', 'test', path);
  t.match(broken, { code: 1, stdout: /ok .*\n.*FAILED/s }, broken.stderr);
  const about = "name: 'my-volume', kind: 'test.v1', version: '1', description: 'Tests.'";
  const bomb = "setTimeout(() => { throw new Error('boom'); }, 10); setInterval(() => {}, 1000); return {};";
  writeFileSync(module, `export default { ${about}, start() { ${bomb} } };`);
  const careless = await orlop('plugin', 'test', path);
  t.match(careless, { code: 1, stdout: /FAILED and leaves nothing running: found "2 Timeout"/, stderr: '' });
  t.match(careless.stdout, /FAILED nothing was thrown .*: found "boom, at file:.*index\.mjs:1"/);
  writeFileSync(module, `export default { ${about}, start() { throw new Error('no luck'); } };`);
  const unlucky = await orlop('plugin', 'test', path);
  t.match(unlucky, {
    code: 1,
    stdout: /FAILED it starts: plugin "my-volume" revision 1: no luck\n.*\n\n1 failed/,
  });
  writeFileSync(module, "export default { name: 'X' };");
  t.match(await orlop('plugin', 'test', path), { code: 1, stderr: /declared wrongly: name "X"/ });
  const hook = "kind: 'hook.v1', provides: [{ kind: 'write-admission.v1', many: false }]";
  writeFileSync(
    module,
    `export default { name: 'my-volume', ${hook}, version: '1', description: 'Tests.', start() {} };`,
  );
  t.match(await orlop('plugin', 'dev', path), { code: 1, stderr: /so does apiserver, which is in every/ });
  const again = await orlop('plugin', 'new', path, '--kind', 'volume.v1');
  t.match(again, { code: 1, stderr: /is there already/ });
  const none = await orlop('plugin', 'new', join(at, 'x'), '--kind', 'volumes.v1');
  t.match(none, { code: 2, stderr: /did you mean volume\.v1\? There are: admission\.v1, .*volume\.v1/ });
});

t.test('a skeleton in Python', async (t) => {
  const path = join(folder(t), 'my-scorer');
  const wanted = ['--kind', 'scheduler-scoring.v1', '--language', 'python'];
  t.match(await orlop('plugin', 'new', path, ...wanted), { code: 0 });
  const tested = await orlop('plugin', 'test', path);
  t.match(tested, { code: 0, stdout: /my-scorer: conformance to scheduler-scoring\.v1/ }, tested.stdout);
  t.match((await orlop('plugin', 'config', path)).stdout, 'packing (integer; default 30');
  writeFileSync(join(path, 'scorer.py'), 'import no_such_module');
  t.match(await orlop('plugin', 'test', path), {
    code: 1,
    stdout: /FAILED it starts: .*it said last: ModuleNotFoundError: No module named 'no_such_module'/,
  });
  t.match(await orlop('plugin', 'new', `${path}2`, '--kind', 'volume.v1', '--language', 'python'), {
    code: 2,
    stderr: /there are skeletons in Python for .*scheduler-scoring\.v1, not for volume\.v1/,
  });
  t.match(await orlop('plugin', 'new', `${path}2`, '--language', 'cobol'), {
    code: 2,
    stderr: /no skeleton in cobol/,
  });
});
