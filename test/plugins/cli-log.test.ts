import { StatusError } from 'orlop/plugin';
import t from 'tap';
import { logLine } from '../../plugins/cli/log.ts';

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
