import { existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { StatusError } from 'orlop/plugin';
import t from 'tap';
import { logLine, readableLine } from '../../plugins/cli/log.ts';
import { LogFile } from '../../plugins/cli/logfile.ts';
import { testdir } from '../testdir.ts';

t.test('fields hide neither the message nor each other, and an error is told', async (t) => {
  const error = new StatusError('Invalid', 'it was bad');
  const line = logLine('warn', 'it failed', { message: 'why', level: 3, error, n: 1 });
  t.match(line, /^\{"time":"2.*\}\n$/);
  t.match(JSON.parse(line), {
    level: 'warn',
    message: 'it failed',
    'fields.message': 'why',
    'fields.level': 3,
    error: /it was bad/,
    n: 1,
  });
});

t.test('of a log, what a plugin says and what went wrong anywhere can be read', async (t) => {
  const read = (...line: Parameters<typeof logLine>) => readableLine(logLine(...line).trimEnd(), 'mine');
  t.equal(
    read('info', 'mine: bound', { pod: 'a/b', why: 'it fits' }),
    'info  mine: bound pod=a/b why="it fits"',
  );
  t.equal(read('info', 'other: bound'), undefined);
  t.equal(read('error', 'other: broken'), 'error other: broken');
  t.equal(readableLine('as it is', 'mine'), 'as it is');
});

t.test('a log is rotated while it is written, and no line is lost', async (t) => {
  const path = join(testdir(t), 'log');
  const names = [`${path}.3`, `${path}.2`, `${path}.1`, path];
  const read = () => names.map((name) => (existsSync(name) ? readFileSync(name, 'utf8') : ''));
  const lines = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, index) => `line ${from + index}\n`);
  // 3 files full, without a turn of the event loop between them, and one begun.
  let log = new LogFile(path, 1_000);
  for (const line of lines(1_000, 1_310)) log.write(line);
  await log.close();
  t.equal(read().join(''), lines(1_000, 1_310).join(''));
  t.same(
    read().map(({ length }) => length),
    [1_000, 1_000, 1_000, 100],
  );

  log = new LogFile(path, 1_000);
  for (const line of lines(1_310, 1_420)) log.write(line);
  await log.close();
  t.equal(read().join(''), lines(1_100, 1_420).join(''), 'the size at start counts, the oldest goes');
});

t.test('a log that could not be written is written again', async (t) => {
  const path = join(testdir(t), 'log');
  mkdirSync(path);
  const log = new LogFile(path);
  log.write('lost\n');
  rmdirSync(path);
  log.write('kept\n');
  await log.close();
  t.equal(readFileSync(path, 'utf8'), 'kept\n');
});
