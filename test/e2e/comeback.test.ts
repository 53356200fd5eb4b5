/**
 * An error that no plugin caught, in the kernel's own thread: Node cannot contain it, so the process stops in order and comes back, in the end
 * without who is to blame.
 */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { testdir } from '../testdir.ts';
import { place, until, up } from './orlop.ts';

/** Much less than the usual, more than anything takes that is to be. */
process.env['ORLOP_WATCHDOG_SECONDS'] = '10';

t.test('what throws in a timer ends the cluster in order, and it comes back by itself', async (t) => {
  const at = await place(t);
  const { child, kubectl, output } = await up(t, at, '--no-hello', '--without', 'runtime-docker');
  const folder = testdir(t);
  const object = (name: string, spec: object) =>
    JSON.stringify({ apiVersion: 'orlop.dev/v1', kind: 'Plugin', metadata: { name }, spec });

  const block = join(folder, 'block.mjs');
  writeFileSync(
    block,
    `export default {
      name: 'block', kind: 'block.v1', version: '1', description: 'Blocks the first process.',
      start() {
        if (!process.env.ORLOP_CAME_BACK) setTimeout(function block() { for (;;); }, 300);
        return {};
      },
    };`,
  );
  await kubectl.ok('apply -f -', object('block', { module: block }));
  await until('its event loop is freed', 60_000, () => output().includes('starting again in 1 s'));
  const freed = /plugin "block" revision 1: blocked the event loop for 10 s, at file:.*block\.mjs:4$/m;
  t.match(output(), freed, 'it says by what');
  await until('it is back', 60_000, async () =>
    /^block .* Running +True +1 /m.test((await kubectl('get plugins block')).stdout),
  );

  const module = join(folder, 'bomb.mjs');
  writeFileSync(
    module,
    `export default {
      name: 'bomb', kind: 'bomb.v1', version: '1', description: 'Goes off.',
      config: { type: 'object', properties: { safe: { type: 'boolean', default: false } } },
      start(ctx) {
        if (!ctx.config.safe) setTimeout(() => { throw new Error('the bomb went off'); }, 300);
        return {};
      },
    };`,
  );
  await kubectl.ok('create configmap kept --from-literal=a=b');
  const apply = (config: object) => kubectl(['apply', '-f', '-'], object('bomb', { module, config }));
  t.equal((await apply({})).code, 0);
  const said = /caught this error: plugin "bomb" revision 1: the bomb went off, at file:.*bomb\.mjs:5$/gm;
  await until('it says what happened, and where', 60_000, () => (output().match(said)?.length ?? 0) >= 3);
  t.match(output(), /starting again in 1 s/);

  let table = '';
  await until('the third time it is left out', 60_000, async () => {
    table = (await kubectl('get plugins bomb -o wide')).stdout;
    return table.includes('CrashLoopBackOff');
  });
  // On a machine that is slow enough it has been tried again meanwhile.
  await until('its spec is changed', 60_000, async () => (await apply({ safe: true })).code === 0);
  t.match(table, /^bomb +0\/1 +Failed +False +[3-9] /m, 'with its restarts');
  t.match(
    table,
    /CrashLoopBackOff: back-off [124]0s restarting failed plugin "bomb": .*bomb\.mjs:5; .* until 20/,
  );
  await kubectl.ok('wait plugin/bomb --for=jsonpath={.status.phase}=Running --timeout=20s');
  t.match(
    await kubectl.ok('get plugins bomb -o wide'),
    /Running +True +[3-9] .*failed before: ended the process/,
  );
  t.equal(await kubectl.ok('get configmap kept -o jsonpath={.data.a}'), 'b');
  t.equal(child.exitCode, null, 'the process that was started goes on to stand for it');

  await until('its Events tell the story', 20_000, async () => {
    const told = await kubectl.ok('describe plugin bomb');
    return [/Failed .* ended the process: the bomb went off/, /BackOff /, /Started /].every((each) =>
      each.test(told),
    );
  });

  const fuse = join(folder, 'fuse.mjs');
  writeFileSync(
    fuse,
    `import { connect } from 'node:net';
    export default {
      name: 'fuse', kind: 'fuse.v1', version: '1', description: 'Connects to nobody.', grants: { host: ['net'] },
      start() { setTimeout(() => connect(1, '127.0.0.1'), 300); return {}; },
    };`,
  );
  await kubectl.ok('apply -f -', object('fuse', { module: fuse }));
  await until('what no stack tells is laid to the one that came last', 60_000, () =>
    output().includes('plugin "fuse" has done that again and again: it is left out for now'),
  );
  t.match(output(), /error: connect ECONNREFUSED 127\.0\.0\.1:1\. .* plugin "fuse" is suspected/);
  await until('the others run', 60_000, async () => {
    const { stdout } = await kubectl('get plugins bomb fuse -o wide');
    return (
      /^bomb .* Running +True/m.test(stdout) &&
      /^fuse .*ECONNREFUSED.*its stack names no module/m.test(stdout)
    );
  });

  child.kill('SIGTERM');
  const [code] = (await once(child, 'exit')) as [number];
  t.equal(code, 0, output());
  t.notOk((await kubectl('get nodes')).code === 0, 'it has stopped');
});
