import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { CAN_BE_FREED } from '../../plugins/cli/watchdog.ts';
import { testdir } from '../testdir.ts';

const WATCHDOG = new URL('../../plugins/cli/watchdog.js', import.meta.url).href;

/** A process whose event loop is blocked: it prints what it hears of, and `goes on` when all of it works again; `told` has its standard error. */
async function blocked(
  t: Test,
  how: string,
  flags: readonly string[] = [CAN_BE_FREED],
  meanwhile = 'setTimeout(() => {}, 60_000);',
): Promise<string> {
  const folder = testdir(t);
  const [file, told] = [join(folder, 'blocks.mjs'), join(folder, 'told')];
  writeFileSync(
    file,
    `import { execSync } from 'node:child_process';
    import { readFileSync } from 'node:fs';
    import { readFile } from 'node:fs/promises';
    import { watchEventLoop } from ${JSON.stringify(WATCHDOG)};
    const stop = watchEventLoop(1, async ({ stack }) => {
      console.log(stack);
      await readFile(import.meta.filename);
      await new Promise((resolve) => setTimeout(resolve, 10));
      console.log('goes on');
      process.exit();
    });
    function block() { for (;;) try { Math.random(); } catch {} }
    ${meanwhile}
    ${how}`,
  );
  const stderr = openSync(told, 'w');
  const child = spawn(process.execPath, [...flags, file], { cwd: folder, stdio: ['ignore', 'pipe', stderr] });
  closeSync(stderr);
  let printed = '';
  child.stdout!.on('data', (chunk: Buffer) => (printed += chunk));
  t.teardown(() => child.kill('SIGKILL'));
  await once(child, 'close');
  return printed + readFileSync(told, 'utf8');
}

const FREED =
  /^Error: blocked the event loop for 1 s\n {4}at block \(file:.*blocks\.mjs:12:1\)\n(.*\n)*goes on\n$/;

t.test('what blocks the event loop is ended, and all else goes on', async (t) => {
  const ways = {
    'in a timer': 'setTimeout(block, 50)',
    'in a promise': 'setTimeout(async () => { await null; block(); }, 50)',
    'before the next tick': 'setTimeout(() => process.nextTick(block), 50)',
    'at the top level': 'block()',
  };
  for (const [name, how] of Object.entries(ways)) {
    await t.test(name, async (t) => t.match(await blocked(t, how), FREED));
  }
  await t.test('in a regular expression', async (t) => {
    const how = "setTimeout(function block() { /(a+)+$/.test('a'.repeat(50) + 'b'); }, 50)";
    t.match(await blocked(t, how), /at block \(file:.*blocks\.mjs:14:1\)\n(.*\n)*goes on\n$/);
  });
});

t.test('it holds no process that has nothing else to do', async (t) => {
  t.equal(await blocked(t, "console.log('the end')", [], ''), 'the end\n');
});

t.test('what cannot be ended is told', async (t) => {
  // Until it is told.
  await t.test('as it waits in a call', async (t) => {
    const wait = "execSync('until grep -q blocked told; do sleep 0.1; done')";
    const how = `setTimeout(() => { ${wait}; setTimeout(() => process.exit(), 100); }, 50)`;
    t.match(
      await blocked(t, how),
      /^orlop: the event loop has been blocked for \d+ s, in a call that waits\n$/,
    );
  });
  await t.test('as Node would end the process', async (t) => {
    const how = `setTimeout(() => {
      for (;;) if (readFileSync('told', 'utf8') !== '') break;
      setTimeout(() => process.exit(), 100);
    }, 50)`;
    t.match(await blocked(t, how, []), /^orlop: the event loop has been blocked for \d+ s, in file:.*:15\n$/);
  });
});
