import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mock } from 'node:test';
import t from 'tap';
import { loadDeclaration } from '../../kernel/host/declaration.ts';
import { testdir } from '../testdir.ts';

t.test('an import that never ends is given up', async (t) => {
  const module = join(testdir(t), 'endless.mjs');
  writeFileSync(module, 'await new Promise(() => {}); export default {};');
  mock.timers.enable({ apis: ['setTimeout'] });
  t.teardown(() => mock.timers.reset());
  const loading = loadDeclaration(module);
  mock.timers.tick(30_000);
  const message = `cannot load plugin module ${module}: its import took longer than 30000 ms`;
  await t.rejects(loading, { reason: 'Invalid', message });
});
