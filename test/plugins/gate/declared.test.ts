/** When a plugin has the powers it declares, and which copies of what modules have them. */
import { join } from 'node:path';
import t from 'tap';
import { eventually, type TestKernel, testKernel } from '../../cluster.ts';
import { testdir } from '../../testdir.ts';

/** A module that serves what `answer` evaluates to. */
function plugin(name: string, host: string, top: string, answer: string): string {
  return `import { definePlugin } from 'orlop/plugin';
${top}
export default definePlugin({
  name: '${name}', kind: '${name}.v1', version: '1.0.0', description: 'A plugin of a test.',
  grants: { subscribe: ['${name}'], host: ${host} },
  start(ctx) {
    ctx.bus.serve('${name}', async () => {
      try { return { done: ${answer} }; } catch ({ reason, message }) { return { reason, message }; }
    });
    return {};
  },
});`;
}

async function ask(kernel: TestKernel, name: string): Promise<{ done?: unknown; message?: string }> {
  return await eventually(`${name} answers`, () =>
    kernel.bus
      .request<{ done?: unknown; message?: string }>(name, null, { timeout: 500 })
      .catch(() => undefined),
  );
}

t.test('powers begin with the start, in the thread where that is', async (t) => {
  const count =
    "globalThis[Symbol.for('orlop-test.loads')] = (globalThis[Symbol.for('orlop-test.loads')] ?? 0) + 1;";
  const loads = (): unknown => Reflect.get(globalThis, Symbol.for('orlop-test.loads'));
  const folder = testdir(t, {
    'worker.mjs': plugin(
      'worker',
      "['files']",
      `import { existsSync } from 'node:fs';\n${count}`,
      "existsSync('/proc/self') && globalThis[Symbol.for('orlop-test.loads')]",
    ),
    'early.mjs': plugin('worker', "['files']", "import { statSync } from 'node:fs'; statSync('/');", '1'),
    'late.mjs': plugin('worker', "['files']", '', "(await import('./needy.mjs')).default"),
    'needy.mjs': "import { existsSync } from 'node:fs'; export default existsSync('/proc/self');",
    'hasty.mjs': plugin('worker', '[]', "import { statSync } from 'node:fs';", '1').replace(
      'start(ctx) {',
      "start(ctx) { statSync('/');",
    ),
    'broken.mjs': 'export default {\n  name: what is this\n};',
    'lost.mjs': "import './none.mjs';",
    'inside.mjs': "import '../../../../kernel/kernel.js';",
  });
  const isolation = { worker: 'gated' };
  const at = (file: string) => ({ module: join(folder, file), isolation });
  const kernel = await testKernel(t, { plugins: [at('worker.mjs')] });
  t.same(await ask(kernel, 'worker'), { done: 2 }, 'in the worker it is loaded once more, with powers');
  t.equal(loads(), 1, 'in the kernel’s own thread only to be read');
  await t.rejects(kernel.swap('worker', at('early.mjs')), {
    reason: 'Forbidden',
    message:
      /cannot load plugin module .*early\.mjs: plugin module early\.mjs may not use node:fs\.statSync while it is imported: it has host powers, .* from its start on/,
  });
  await t.rejects(kernel.swap('worker', at('broken.mjs')), {
    reason: 'Invalid',
    message: /cannot load plugin module .*broken\.mjs: Unexpected identifier 'is'[^#]*$/,
  });
  await t.rejects(kernel.swap('worker', at('lost.mjs')), {
    reason: 'NotFound',
    message: /Cannot find module '.*none\.mjs' imported from [^#]*lost\.mjs$/,
  });
  await t.rejects(kernel.swap('worker', at('nowhere.mjs')), {
    reason: 'NotFound',
    message: /Cannot find module '.*nowhere\.mjs'$/,
  });
  await t.rejects(kernel.swap('worker', at('hasty.mjs')), {
    reason: 'Forbidden',
    message:
      / goes on: plugin "worker" revision 2 may not use node:fs\.statSync: add 'files' to its grants\.host$/,
  });
  t.match(kernel.plugins()[0], { phase: 'Running', revision: 1 }, 'what was refused changed nothing');
  await kernel.swap('worker', at('late.mjs'));
  t.same(await ask(kernel, 'worker'), { done: true }, 'what needs powers to be imported is, later');
});

t.test('what a declaration says when it is asked again gives no power', async (t) => {
  const top = "import { execFileSync } from 'node:child_process';\nlet times = 0;";
  const text = plugin('shifty', "['exec']", top, "String(execFileSync('true'))").replace(
    "host: ['exec']",
    "get host() { return times++ === 0 ? [] : ['exec']; }",
  );
  const kernel = await testKernel(t, {
    plugins: [{ module: `data:text/javascript,${encodeURIComponent(text)}` }],
  });
  t.match(await ask(kernel, 'shifty'), {
    message: /^plugin "shifty" may not use node:child_process\.execFileSync: add 'exec'/,
  });
});

t.test('plugins that use the same package have copies of it, each with its own powers', async (t) => {
  const use = "import one, { stat } from 'one'; import { stat as other } from 'two';";
  const answer = "[typeof stat('/'), typeof other('/'), ++one.used]";
  const folder = testdir(t, {
    node_modules: {
      one: {
        'package.json': '{"name":"one"}',
        'index.js': "exports.stat = require('fs').statSync; exports.used = 0;",
      },
      two: {
        'package.json': '{"name":"two","type":"module","exports":"./index.js"}',
        'index.js': "export { statSync as stat } from 'node:fs';",
      },
    },
    able: { 'package.json': '{"name":"able"}', 'index.mjs': plugin('able', "['files']", use, answer) },
    unable: { 'package.json': '{"name":"unable"}', 'index.mjs': plugin('unable', '[]', use, answer) },
    other: { 'package.json': '{"name":"other"}', 'index.mjs': plugin('other', "['files']", use, answer) },
  });
  for (const isolation of ['inline', { worker: 'gated' }] as const) {
    const plugins = ['able', 'unable', 'other'].map((name) => ({
      module: join(folder, name, 'index.mjs'),
      isolation,
    }));
    const kernel = await testKernel(t, { plugins });
    t.same(await ask(kernel, 'able'), { done: ['object', 'object', 1] });
    t.match(await ask(kernel, 'unable'), { message: /^plugin "unable" may not use node:fs\.statSync/ });
    t.same(await ask(kernel, 'other'), { done: ['object', 'object', 1] }, 'nothing is shared');
    await kernel.stop();
  }
});
