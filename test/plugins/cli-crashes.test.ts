import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { CrashLoops } from '../../plugins/cli/crashes.ts';
import { testdir } from '../testdir.ts';

const spec = { module: '/p/bomb.mjs' };
const SECOND = 1_000;
const MINUTE = 60 * SECOND;

function fresh(t: Test) {
  const file = join(testdir(t), 'crashes.json');
  const warnings: string[] = [];
  const open = () => new CrashLoops(file, { warn: (message) => warnings.push(message) });
  return { file, warnings, open };
}

t.test('who ends the process three times in a row is left out, for longer each time', async (t) => {
  const { file, open } = fresh(t);
  let now = Date.parse('2030-01-01T00:00:00Z');
  t.equal(open().record('bomb', spec, 'boom', now), false);
  now += MINUTE;
  t.equal(open().record('bomb', spec, 'boom', now), false);
  t.equal(open().held('bomb', spec, now), undefined);
  const texts: string[] = [];
  for (const seconds of [10, 20, 40, 80, 160, 300, 300]) {
    now += SECOND;
    t.equal(open().record('bomb', spec, 'boom, at file:///p/bomb.mjs:1', now), true);
    t.same(open().leftOut(now), ['bomb']);
    // However long it takes to be back.
    now += MINUTE;
    texts.push(open().held('bomb', spec, now) ?? 'not left out');
    const process = open();
    t.equal(process.held('bomb', spec, now + seconds * SECOND - 1), texts.at(-1), 'also after a restart');
    t.same(process.leftOut(now), ['bomb']);
    t.match(process.past('bomb'), { restarts: texts.length + 2, reason: 'CrashLoopBackOff' });
    now += seconds * SECOND;
    t.equal(process.held('bomb', spec, now), undefined, 'then it is tried again');
    t.same(process.leftOut(now), []);
    t.equal(process.past('bomb').reason, undefined);
  }
  t.equal(
    texts[0],
    'back-off 10s restarting failed plugin "bomb": it ended the process 3 times in a row, last by: boom, at file:///p/bomb.mjs:1; it is left out until 2030-01-01T00:02:11Z, or its spec is changed',
  );
  t.match(texts[3], /^back-off 1m20s /);
  t.match(texts[6], /^back-off 5m0s .* 9 times/);
  t.equal(statSync(file).mode & 0o777, 0o600);
});

t.test('what ran fine for ten minutes begins anew, but for its count', async (t) => {
  const { open } = fresh(t);
  let now = 0;
  for (let deaths = 1; deaths <= 3; deaths++) open().record('bomb', spec, 'boom', now);
  open().held('bomb', spec, now);
  now += 10 * SECOND + 10 * MINUTE;
  t.equal(open().record('bomb', spec, 'boom', now), false);
  t.match(open().past('bomb'), { restarts: 4, lastError: 'ended the process: boom' });
});

t.test('another spec is tried at once, and a deleted object forgotten', async (t) => {
  const { open } = fresh(t);
  for (let deaths = 1; deaths <= 3; deaths++) open().record('bomb', spec, 'boom', 0);
  const process = open();
  t.ok(process.held('bomb', spec, 1));
  t.equal(process.held('bomb', { ...spec, config: { safe: true } }, 1), undefined);
  t.equal(process.past('bomb').restarts, 3);
  t.equal(open().held('bomb', spec, 1), undefined, 'also the former one');
  t.equal(open().record('bomb', spec, 'boom', 2), false);
  process.held('bomb', undefined);
  t.same(process.past('bomb'), {});
  t.same(open().past('bomb'), {});
  t.equal(process.held('other', spec), undefined);
});

t.test('a clock that is set back leaves nothing out', async (t) => {
  const { open } = fresh(t);
  const now = Date.now();
  for (let deaths = 1; deaths <= 3; deaths++) open().record('bomb', spec, 'boom', now);
  t.ok(open().held('bomb', spec, now));
  t.equal(open().held('bomb', spec, now - 10 * MINUTE), undefined);
  t.same(open().leftOut(now - 10 * MINUTE), []);
});

t.test('a file that is damaged, or cannot be written, stops nothing', async (t) => {
  const { file, warnings, open } = fresh(t);
  writeFileSync(file, '{"bomb":');
  t.equal(open().held('bomb', spec), undefined);
  t.match(warnings, [/cannot read .*crashes\.json/]);
  open().record('bomb', spec, 'boom');
  t.match(readFileSync(file, 'utf8'), '"deaths":1');
  const nowhere = new CrashLoops(join(file, 'crashes.json'), { warn: (message) => warnings.push(message) });
  nowhere.record('bomb', spec, 'boom');
  t.match(warnings.at(-1), /cannot write/);
  t.notOk(existsSync(join(file, 'crashes.json')));
});
