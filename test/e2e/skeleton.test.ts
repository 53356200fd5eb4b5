/** What `orlop plugin new` writes: its types check, it passes its own tests and the suite of its kind, and a cluster takes it in. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { apiClient } from '../../plugins/cli/client.ts';
import { readKubeconfig } from '../../plugins/cli/kubeconfig.ts';
import { copiedKinds } from '../../plugins/cli/plugin/copies.ts';
import { placeOf, portsFor } from '../../plugins/cli/plugin/dev.ts';
import { findModule, load, snapshot } from '../../plugins/cli/plugin/module.ts';
import { skeletonKinds, writeSkeleton } from '../../plugins/cli/plugin/skeleton.ts';
import { applyPlugin } from '../../plugins/cli/plugin/swap.ts';
import { testPlugin } from '../../plugins/cli/plugin/test.ts';
import type { Kubectl } from '../kubectl.ts';
import { orlop, place, until, up } from './orlop.ts';

const run = promisify(execFile);
const modules = fileURLToPath(new URL('../../../node_modules', import.meta.url));
const quiet = (): void => {};

function folder(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'orlop-skeleton-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** One of each kind, by its kind. */
function skeletons(at: string, kinds = skeletonKinds()): Map<string, string> {
  return new Map(
    kinds.map((kind) => {
      const path = join(at, `my-${kind.split('.')[0]}`);
      writeSkeleton(path, kind, 'javascript', quiet);
      return [kind, path];
    }),
  );
}

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

t.test('a cluster takes each in, and gets on without it', async (t) => {
  const { place: at, kubectl } = await up(t, await place(t), '--no-hello');
  const client = apiClient(readKubeconfig(at.data));
  t.teardown(() => client.close());
  for (const [kind, path] of skeletons(folder(t), [...skeletonKinds(), ...copiedKinds()])) {
    const lines: string[] = [];
    const declaration = await load(path);
    const name = await placeOf(declaration);
    const module = snapshot(findModule(path)!);
    const config = portsFor(declaration, {
      'http-port': String(at.ports.http),
      'api-port': String(at.ports.api),
    });
    const before = kind === 'tokens.v1' ? await kubectl.ok('create token default') : '';
    const isRunning = await applyPlugin(client, name, { module, config }, (line) => lines.push(line));
    // It is for kernels without an API server.
    if (kind === 'admission.v1') t.match(lines.join('\n'), /"apiserver" and .* both provide admission\.v1/);
    else t.ok(isRunning, `${kind} as ${name}: ${lines.join('\n')}`);
    const tokens = before === '' ? [] : [before, await kubectl.ok('create token default')];
    for (const token of tokens) t.equal(await whose(kubectl, token), DEFAULT_ACCOUNT);
    await kubectl.ok(['delete', 'plugin', name]);
    if (name.startsWith('my-')) continue;
    await until(`the standard ${name} is back`, 20_000, async () => {
      const shown = await kubectl([
        'get',
        'plugin',
        name,
        '-o',
        'jsonpath={.status.phase} {.status.provides}',
      ]);
      return shown.stdout.startsWith('Running') && !/my-/.test(shown.stdout);
    });
    for (const token of tokens) t.equal(await whose(kubectl, token), DEFAULT_ACCOUNT);
  }
});

const DEFAULT_ACCOUNT = 'system:serviceaccount:default:default';

async function whose(kubectl: Kubectl, token: string): Promise<string> {
  const about = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', metadata: { name: 'a' } };
  const review = JSON.stringify({ ...about, spec: { token: token.trim() } });
  return await kubectl.ok(['create', '-f', '-', '-o', 'jsonpath={.status.user.username}'], review);
}

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
  const second = join(at, 'my-admission');
  writeSkeleton(second, 'admission.v1', 'javascript', quiet);
  t.match(await orlop('plugin', 'dev', second), { code: 1, stderr: /so does apiserver, which is in every/ });
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
