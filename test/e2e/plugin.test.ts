/** What a plugin's author does: write one, try it in a cluster, swap it into another. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { kubectl } from '../kubectl.ts';
import { flags, ORLOP, orlop, place, until, up } from './orlop.ts';

function folder(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'orlop-plugin-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

t.test('the configuration of a standard plugin is printed', async (t) => {
  const { code, stdout } = await orlop('plugin', 'config', 'ingress');
  t.equal(code, 0);
  t.match(stdout, /^Host powers: net\.$/m);
  t.match(stdout, /httpPort \(integer; default 8080; at least 0; at most 65535\)/);
  t.match(await orlop('plugin', 'config', 'ingres'), { code: 2, stderr: /did you mean "ingress"\?/ });
  t.match(await orlop('plugin'), { code: 2, stderr: /orlop plugin config NAME/ });
  t.match(await orlop('plugin', 'config'), { code: 2, stderr: /NAME is missing/ });
});

t.test('what is wrong with a module is told with its place', async (t) => {
  const path = folder(t);
  const says = async (text: string) => {
    writeFileSync(join(path, 'index.mjs'), text);
    const { code, stdout, stderr } = await orlop('plugin', 'config', join(path, 'index.mjs'));
    t.notMatch(stderr, /^ {4}at /m, 'without a stack trace');
    return { code, said: stdout + stderr };
  };
  const start = "name: 'x', kind: 'test.v1', version: '1', description: 'Tests.', start: () => ({})";
  const needed = "config: { type: 'object', properties: { mode: { enum: ['a', 'b'] } }, required: ['mode'] }";
  t.match(await says(`export default { ${start}, ${needed} };`), {
    code: 0,
    said: /mode \(anything; required;/,
  });
  t.match(await says(`export default {\n ${start},\n oops oops\n};`), { said: /index\.mjs:3\n.*oops/ });
  t.match(await says(`\n\nnull.x;`), {
    code: 1,
    said: /cannot load .*index\.mjs: .*null.*, at file:.*index\.mjs:3/,
  });
  t.match(await says('import "no-such";'), {
    said: /Cannot find package 'no-such' imported from .*index\.mjs/,
  });
  t.match(await says(`export default { ${start}, singelton: true };`), { said: /did you mean "singleton"/ });
  t.match(await orlop('plugin', 'config', 'yaml'), { code: 1, stderr: /yaml has no plugin declaration/ });
});

t.test('swap: the new one runs, a bad one is refused, a deleted one falls back', async (t) => {
  const at = await place(t);
  const cluster = await up(t, at, '--no-hello');
  const path = join(folder(t), 'my-scheduler');
  await orlop('plugin', 'new', path, '--kind', 'scheduler.v1');
  const swapped = await orlop('plugin', 'swap', 'scheduler', path, '--data', at.data);
  t.match(swapped, { code: 0, stdout: /scheduler: Running 0\.1\.0, revision 2/ }, swapped.stderr);
  t.match(await orlop('plugin', 'swap', 'scheduler', path, '--data', at.data), { stdout: /already/ });

  const file = join(path, 'index.mjs');
  const good = readFileSync(file, 'utf8');
  for (const turn of ['once', 'twice']) {
    writeFileSync(
      file,
      good.replace('return controller(', `throw new Error('boom'); // ${turn}\n return controller(`),
    );
    const refused = await orlop('plugin', 'swap', 'scheduler', path, '--data', at.data);
    t.match(refused, { code: 1, stdout: /refused: .*boom/ }, `${turn}: ${refused.stderr}`);
    t.match(refused.stdout, /^scheduler: revision 2 goes on$/m, 'the old one goes on');
    t.match(refused.stdout, `asked for ${file}\n`, 'it is called what it is, not its snapshot');
  }
  const slow =
    'async (ctx) => (await new Promise((go) => setTimeout(go, 700)), loopInstance(() => run(ctx)))';
  writeFileSync(file, good.replace('(ctx) => loopInstance(() => run(ctx))', slow));
  const steps = await orlop('plugin', 'swap', 'scheduler', path, '--data', at.data);
  t.match(steps, { code: 0, stdout: /Swapping 0\.1\.0, revision 2: to version 0\.1\.0: starting it\n/ });
  t.match(await orlop('plugin', 'swap', 'schedular', path, '--data', at.data), {
    code: 1,
    stderr: /no plugin "schedular" in the cluster to replace; did you mean "scheduler"\?/,
  });
  t.equal((await cluster.kubectl('get plugin schedular')).code, 1, 'nothing is left of it');
  await cluster.kubectl.ok('run p --image=none --restart=Never');
  await until('the pod is bound', 30_000, async () =>
    (await cluster.kubectl.ok('get pod p -o jsonpath={.spec.nodeName}')).includes('node-1'),
  );
  await cluster.kubectl.ok('delete plugin scheduler');
  await until('the standard scheduler is back', 30_000, async () =>
    /scheduler\.v1/.test(
      (await cluster.kubectl('get plugin scheduler -o jsonpath={.status.kind}{.status.revision}')).stdout,
    ),
  );
});

t.test('dev: every save is swapped in', async (t) => {
  const at = await place(t);
  const path = join(folder(t), 'my-scheduler');
  await orlop('plugin', 'new', path, '--kind', 'scheduler.v1');
  const ports = flags(at);
  ports.splice(0, ports.indexOf('--api-port'));
  const child = spawn(process.execPath, [ORLOP, 'plugin', 'dev', path, '--data', at.data, ...ports]);
  const exited = once(child, 'exit');
  t.teardown(async () => {
    child.kill('SIGTERM');
    await exited;
  });
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  const says = (text: RegExp): Promise<void> =>
    until(`${text} in ${printed}`, 60_000, () => text.test(printed));
  await says(/my-scheduler takes the place of scheduler/);
  await says(/scheduler: Running 0\.1\.0, revision 2/);
  const cluster = kubectl(join(at.data, 'kubeconfig'));
  await cluster.ok('run p --image=none --restart=Never');
  await says(/^info {2}my-scheduler: bound pod=default\/p node=\S+$/m);
  const file = join(path, 'index.mjs');
  const good = readFileSync(file, 'utf8');
  writeFileSync(file, 'what is this');
  await says(/refused: cannot load plugin module/);
  writeFileSync(file, good.replace("version: '0.1.0'", "version: '0.2.0'"));
  await says(/scheduler: Running 0\.2\.0, revision 3/);
  t.equal(await cluster.ok('get plugin scheduler -o jsonpath={.status.version}'), '0.2.0');
  child.kill('SIGTERM');
  t.same(await exited, [0, null]);
});
