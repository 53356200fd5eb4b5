/** An error that no plugin caught, in the kernel's own thread: Node cannot contain it, so the process stops in order and comes back. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { testdir } from '../testdir.ts';
import { place, until, up } from './orlop.ts';

t.test('what throws in a timer ends the cluster in order, and it comes back by itself', async (t) => {
  const at = await place(t);
  const { child, kubectl, output } = await up(t, at, '--no-hello');
  const module = join(testdir(t), 'bomb.mjs');
  writeFileSync(
    module,
    `import { existsSync, writeFileSync } from 'node:fs';
    export default {
      name: 'bomb', kind: 'bomb.v1', version: '1', description: 'Goes off once.', grants: { host: ['files'] },
      start() {
        const mark = ${JSON.stringify(`${module}.gone-off`)};
        if (existsSync(mark)) return {};
        writeFileSync(mark, '');
        setTimeout(() => { throw new Error('the bomb went off'); }, 300);
        return {};
      },
    };`,
  );
  await kubectl.ok('create configmap kept --from-literal=a=b');
  const plugin = { apiVersion: 'orlop.dev/v1', kind: 'Plugin', metadata: { name: 'bomb' }, spec: { module } };
  await kubectl.ok(['apply', '-f', '-'], JSON.stringify(plugin));
  const said = /caught this error: plugin "bomb" revision 1: the bomb went off, at file:.*bomb\.mjs:8$/m;
  await until('it says what happened, and where', 30_000, () => said.test(output()));
  await until('it is there again', 60_000, () => output().split('Ready in').length === 3);
  t.match(output(), /starting again in 1 s/);
  t.equal(await kubectl.ok('get configmap kept -o jsonpath={.data.a}'), 'b');
  await kubectl.ok('wait plugin/bomb --for=jsonpath={.status.phase}=Running --timeout=20s');
  t.equal(child.exitCode, null, 'the process that was started goes on to stand for it');

  child.kill('SIGTERM');
  const [code] = (await once(child, 'exit')) as [number];
  t.equal(code, 0, output());
  t.notOk((await kubectl('get nodes')).code === 0, 'it has stopped');
});
