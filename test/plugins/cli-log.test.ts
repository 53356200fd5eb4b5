import { StatusError } from 'orlop/plugin';
import t from 'tap';
import { logLine, readableLine } from '../../plugins/cli/log.ts';

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
