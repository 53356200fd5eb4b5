/** Host powers of plugins that are not Orlop's own: a plugin that tries to get at more, in the kernel's thread and in a worker. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Isolation } from 'orlop/plugin';
import t, { type Test } from 'tap';
import { eventually, type TestKernel, testKernel } from '../../cluster.ts';
import { testdir } from '../../testdir.ts';

const tree = fileURLToPath(new URL('../../../', import.meta.url));
const source = readFileSync(join(tree, '../test/plugins/gate/escapist.mjs'), 'utf8');
const powers = ['net', 'exec', 'docker', 'files'] as const;

interface Outcome {
  done?: string;
  reason?: string;
  message?: string;
}

const LEGACY = `#!/usr/bin/env node
const fs = require('fs');
const { promisify } = require('node:util');
exports.read = (file) => fs.readFileSync(file, 'utf8');
exports.promised = promisify(fs.readFile);
exports.later = async (file) => (await import('./more.mjs')).default(file);
exports.deep = (file) => require('./lib/deep').stat(file);
exports.load = (file) => require(file);
exports.loader = () => module.constructor._load ?? module.require('module')._cache.x ?? null;
exports.about = [require('dual').kind, require('./data').answer, __filename.endsWith('legacy/index.js'), module.loaded].join();
require('./data').answer = 43;
const forgotten = [require('./data').answer, require.cache[__filename] === module, delete require.cache[require.resolve('./data')]];
exports.about += ',' + [...forgotten, require('./data').answer, require.main === module].join();
`;

/** A package with what it depends on. */
function packageWith(t: Test, host: readonly string[]): NonNullable<Parameters<Test['testdir']>[0]> {
  return {
    'package.json': '{"name":"escapist","exports":"./index.mjs","imports":{"#fs":"fs"}}',
    'index.mjs': source.replace('host: []', `host: ${JSON.stringify(host)}`),
    'other.mjs': "import fs from 'node:fs'; export default (file) => fs.statSync(file);",
    'addon.node': 'no addon',
    'secret.json': t.fixture('symlink', '../secret.json'),
    node_modules: {
      linked: t.fixture('symlink', '../../linked'),
      orlop: t.fixture('symlink', join(tree, '..')),
      dual: {
        'package.json':
          '{"name":"dual","exports":{".":[{"module-sync":"./esm.mjs","default":"./cjs.js"},"./cjs.js"]}}',
        'esm.mjs': "export const kind = 'esm';",
        'cjs.js': "exports.kind = 'cjs';",
      },
      legacy: {
        'package.json': '{"name":"legacy","version":"1.0.0"}',
        'index.js': LEGACY,
        'more.mjs': "import { statSync } from 'fs'; export default statSync;",
        'data.json': '{"answer":42}',
        lib: { 'deep.js': "'use strict';\nmodule.exports = { stat: require('fs').statSync };" },
      },
    },
  };
}

/** The modules of such packages with no power, each one, and all, and around them things that are none of their business. */
function place(t: Test): { none: string; all: string; only(power: string): string } {
  const folder = testdir(t, {
    'secret.json': '{"secret":true}',
    linked: {
      'package.json': '{"name":"linked","type":"module","exports":"./src/index.js"}',
      src: { 'index.js': "export { default } from '../part.js';" },
      'part.js': "export default 'linked';",
    },
    none: packageWith(t, []),
    all: packageWith(t, powers),
    ...Object.fromEntries(powers.map((power) => [power, packageWith(t, [power])])),
  });
  const only = (power: string): string => join(folder, power, 'index.mjs');
  return { none: only('none'), all: only('all'), only };
}

async function attempt(kernel: TestKernel, way: string): Promise<Outcome> {
  return await kernel.bus.request<Outcome>('escape.try', { way, tree }, { timeout: 10_000 });
}

/** Once it serves: what is asked in the moment of a swap in a worker may be lost. */
async function waysOf(kernel: TestKernel): Promise<{ powered: string[]; closed: string[] }> {
  return await eventually('it answers', () =>
    kernel.bus
      .request<{ powered: string[]; closed: string[] }>('escape.ways', null, { timeout: 500 })
      .catch(() => undefined),
  );
}

async function tryToEscape(t: Test, isolation: Isolation): Promise<void> {
  const at = place(t);
  const kernel = await testKernel(t, { plugins: [{ module: at.none, isolation }] });
  const { powered, closed } = await waysOf(kernel);
  t.ok(powered.length > 35 && closed.length > 8, 'there are ways to try');
  await t.test('without a power', async (t) => {
    for (const way of powered) {
      const [power] = way.split(':');
      const { reason, message, done } = await attempt(kernel, way);
      t.equal(reason, 'Forbidden', `${way}: ${done ?? message}`);
      t.match(
        message,
        new RegExp(`^plugin "escapist" may not use .*: add '${power}' to its grants\\.host$`),
        way,
      );
    }
    t.match(await attempt(kernel, 'from a job'), {
      reason: 'Forbidden',
      message: /^whose code calls process\.kill is not known here/,
    });
    const free = [
      6,
      true,
      4,
      64,
      1,
      410,
      '/',
      'cjs,42,true,false,43,true,true,42,false',
      'linked',
      null,
      null,
      null,
      null,
    ];
    t.same(await kernel.bus.request('escape.free', null), free, 'what needs none works');
  });
  for (const power of powers) {
    await kernel.swap('escapist', { module: at.only(power), isolation });
    await waysOf(kernel);
    await t.test(`with ${power}`, async (t) => {
      for (const way of powered) {
        const { reason, message, done } = await attempt(kernel, way);
        const granted = way.startsWith(power === 'docker' ? 'net' : power);
        t.equal(reason === 'Forbidden', !granted, `${way}: ${done ?? message}`);
      }
    });
  }
  await kernel.swap('escapist', { module: at.all, isolation });
  await waysOf(kernel);
  await t.test('with all', async (t) => {
    for (const way of closed) {
      const { reason, message, done } = await attempt(kernel, way);
      t.equal(reason, 'Forbidden', `${way}: ${done ?? message}`);
      t.match(message, /^plugin "escapist" may not import /, way);
    }
  });
}

t.test('inline', async (t) => await tryToEscape(t, 'inline'));

t.test('in a worker', async (t) => await tryToEscape(t, { worker: 'gated' }));
