/** `orlop plugin test` of plugins that do not come to an end, or end too much: it says so, and nothing of it is left. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import t, { type Test } from 'tap';
import { testdir } from '../testdir.ts';
import { ORLOP } from './orlop.ts';

const NAMED = "name: 'bad', kind: 'test.v1', version: '1.0.0', description: 'Tests.'";

/** Runs it on a module of that text, in a temporary folder of its own. */
function trial(t: Test, module: string, ...args: string[]) {
  return trialAt(testdir(t), module, ...args);
}

function trialAt(at: string, module: string, ...args: string[]) {
  const [file, temporary] = [join(at, 'bad.mjs'), join(at, 'tmp')];
  writeFileSync(file, module);
  mkdirSync(temporary, { recursive: true });
  const child = spawn(process.execPath, [ORLOP, 'plugin', 'test', file, ...args], {
    env: { ...process.env, TMPDIR: temporary },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return { child, temporary, stdout: text(child.stdout), ended: once(child, 'close') };
}

t.test('one that blocks for ever', async (t) => {
  const module = `function spin() {\n  for (;;);\n}\nspin();\nexport default { ${NAMED}, start() {} };`;
  const { stdout, ended, temporary } = trial(t, module, '--timeout', '4');
  t.same(await ended, [1, null]);
  const printed = await stdout;
  t.match(printed, 'FAILED it comes to no end: nothing for 4 s while its module was loaded\n');
  t.match(
    printed,
    /its event loop is blocked, in spin \(file:.*bad\.mjs:2\), called by file:.*bad\.mjs:4: look/,
  );
  t.match(printed, /--timeout\n\n1 failed\.\n$/);
  t.same(readdirSync(temporary), []);
});

t.test('one that ends the process', async (t) => {
  const powers = "grants: { host: ['exec'] }";
  const start =
    "start() { setTimeout(() => { throw new Error('boom'); }, 1); setTimeout(() => process.exit(0), 500); return {}; }";
  const { stdout, ended, temporary } = trial(t, `export default { ${NAMED}, ${powers}, ${start} };`);
  t.same(await ended, [1, null]);
  t.match(
    await stdout,
    /FAILED it ended the process, by exit code 0, .*\n.*nobody caught: boom, at file:.*bad\.mjs:1\n/,
  );
  t.same(readdirSync(temporary), []);
});

const BLOCKS = `export default { ${NAMED}, start() { console.log('for ever'); for (;;); } };`;

t.test('Ctrl-C while it blocks', async (t) => {
  const { child, stdout, ended, temporary } = trial(t, BLOCKS);
  const pid = await natsOf(child, temporary);
  t.ok(isAlive(pid), 'its nats-server runs');
  child.kill('SIGINT');
  t.same(await ended, [130, null]);
  await stdout;
  t.notOk(isAlive(pid), 'its nats-server is gone');
  t.same(readdirSync(temporary), []);
});

t.test('kill -9 while it blocks: the next one cleans up', async (t) => {
  const at = testdir(t);
  const { child, ended, temporary } = trialAt(at, BLOCKS);
  const pid = await natsOf(child, temporary);
  child.kill('SIGKILL');
  // What it started has its standard output too.
  await ended;
  const [left] = readdirSync(temporary);
  t.match(left, `-${child.pid}-`);
  const others = ['orlop-plugin-test-1-alive', 'orlop-plugin-test-older'];
  for (const name of others) mkdirSync(join(temporary, name));
  const next = trialAt(at, 'export default {};');
  await next.ended;
  t.notOk(isAlive(pid), 'its nats-server is gone');
  t.same(readdirSync(temporary), others, 'and nothing else');
});

/** The process id of its nats-server, when it has begun to block. */
async function natsOf(child: ChildProcess, temporary: string): Promise<number> {
  await new Promise<void>((resolve) => {
    child.stdout!.on('data', (chunk: Buffer) => chunk.includes('for ever') && resolve());
  });
  const [file] = readdirSync(temporary, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('nats-server.pid'),
  );
  return Number(readFileSync(join(temporary, file!), 'utf8'));
}

/** One that has ended and that nobody has waited for is not. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return process.platform !== 'linux' || readFileSync(`/proc/${pid}/cmdline`, 'utf8') !== '';
  } catch {
    return false;
  }
}
