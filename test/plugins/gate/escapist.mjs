/** A plugin that tries each way to more than it is granted. The test copies it away from this package, and puts its grants in. */
import * as hooks from 'node:async_hooks';
import { execFileSync } from 'node:child_process';
import crypto, { createHash } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import fs, { readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { Agent, METHODS, request } from 'node:http';
import { createRequire } from 'node:module';
import net, { isIP, Socket } from 'node:net';
import { kill, report, stdin } from 'node:process';
import { promisify } from 'node:util';
import { deserialize, serialize, setFlagsFromString } from 'node:v8';
import { compileFunction } from 'node:vm';
import { parentPort, Worker, workerData } from 'node:worker_threads';
import legacy, { read } from 'legacy';
import linked from 'linked';
import { definePlugin, StatusError, writePrivate } from 'orlop/plugin';
import aliased from '#fs';

const seen = new EventEmitter();
const HERE = '/proc/self/status';
const require = createRequire(import.meta.url);
const read_ = promisify(fs.readFile);
const { ...others } = await import('node:child_process');
class Client extends Socket {}
class Pool extends Agent {}
const GATE = 'orlop-gate:';

/** Each is to fail for want of a power; with it, to return something. */
const POWERED = {
  'files: a function': () => readFileSync(HERE),
  'files: of the default export': () => fs.readFileSync(HERE),
  'files: wrapped by promisify': () => read_(HERE),
  'files: bound': () => fs.readFileSync.bind(fs)(HERE),
  'files: by Reflect': () => Reflect.apply(fs.readFileSync, fs, [HERE]),
  'files: handed to another': () => [HERE].map((file) => [file].map(fs.realpathSync)),
  'files: promises': async () => await (await open(HERE)).close(),
  'files: in an object': () => fs.promises.stat(HERE),
  'files: a class': () => new fs.ReadStream(HERE).destroy(),
  'files: an alias of package.json': () => aliased.statSync(HERE),
  'files: import()': async () => (await import('node:fs')).statSync(HERE),
  'files: import() in a function of text': async () =>
    (await new Function("return import('node:fs')")()).statSync(HERE),
  'files: import() in eval': async () =>
    // biome-ignore lint/security/noGlobalEval: what is tried
    // biome-ignore lint/complexity/noCommaOperator: so that it is the global one
    (await (0, eval)("import('node:fs')")).statSync(HERE),
  'files: import() in eval under another name': async () =>
    // biome-ignore lint/security/noGlobalEval: what is tried
    (await eval("import('node:fs')\n//# sourceURL=file:///another.mjs")).statSync(HERE),
  'files: import() of text': async () =>
    (await import('data:text/javascript,export * from "fs"')).statSync(HERE),
  'files: createRequire': () => require('node:fs').statSync(HERE),
  'files: a CommonJS package': () => read(HERE),
  'files: its import()': async () => await legacy.later(HERE),
  'files: what it requires': () => legacy.deep(HERE),
  'files: process.getBuiltinModule': () => process.getBuiltinModule('fs').statSync(HERE),
  'files: process.loadEnvFile': () => process.loadEnvFile('/dev/null'),
  'files: process.stdin': () => process.stdin,
  'files: of Orlop': () => writePrivate('/no/such/folder', ''),
  'files: by another’s mark': async () => (await import(`./other.mjs#orlop-${'0'.repeat(16)}`)).default(HERE),
  'net: a function': () => net.connect(1).on('error', () => undefined),
  'net: a class': () => new Socket(),
  'net: a class of its own': () => new Client(),
  'net: an agent of its own': () => new Pool(),
  'net: http': () => request({ port: 1 }).on('error', () => undefined),
  'net: fetch': async () =>
    await fetch('http://127.0.0.1:1').catch((e) => e instanceof TypeError || Promise.reject(e)),
  'exec: a program': () => execFileSync('true'),
  'exec: a copy of the module': () => others.execFileSync('true'),
  'exec: a thread': () => new Worker('', { eval: true }).terminate(),
  'exec: the loader': () => require('node:module')._load('fs'),
  'exec: import() in compiled text': () => compileFunction('return 1')(),
  'exec: a flag of V8': () => setFlagsFromString('--no-trace-gc'),
  'exec: native code': () => require('./addon.node'),
  'exec: process.binding': () => process.binding('util'),
  'exec: process.dlopen': () => process.dlopen({}, 'none.node'),
  'exec: process.kill': () => process.kill(process.pid, 0),
  'exec: process.kill by its name': () => kill(process.pid, 0),
  'exec: process.umask': () => process.umask(),
  'exec: process.report': () => process.report,
  'exec: the sockets of others': () => process._getActiveHandles(),
  'exec: what others do': () => hooks.createHook({}),
  'exec: a crypto engine': () => crypto.setEngine('none'),
};

/** What `attempt` returns while a method of the language is another. */
function during(owner, name, method, attempt) {
  const own = Object.getOwnPropertyDescriptor(owner, name);
  Object.defineProperty(owner, name, { ...own, value: method });
  try {
    return attempt();
  } finally {
    Object.defineProperty(owner, name, own);
  }
}

Object.assign(POWERED, {
  'net: when lists hold everything': () =>
    during(Array.prototype, 'includes', Boolean, () => process.getBuiltinModule('dns').getServers()),
  'net: when a definition is looked at': () => {
    const { defineProperty } = Object;
    let found;
    const look = (of, key, property) => {
      if (key === 'createSocket') found = property.value;
      return defineProperty(of, key, property);
    };
    const { createSocket } = during(Object, 'defineProperty', look, () => process.getBuiltinModule('dgram'));
    return (found ?? createSocket)('udp4').close();
  },
  'net: when a name is another each time': () => {
    let times = 0;
    const name = { toString: () => (times++ === 0 ? 'path' : 'dns') };
    const { getServers = () => process.getBuiltinModule('dns').getServers() } = during(
      String.prototype,
      'replace',
      () => name,
      () => process.getBuiltinModule('node:dns'),
    );
    return getServers();
  },
  'exec: when no text has a match': () =>
    during(
      RegExp.prototype,
      'exec',
      () => null,
      () => process.kill(process.pid, 0),
    ),
  'exec: when all begins with anything': () =>
    during(String.prototype, 'startsWith', Boolean, () => process.umask()),
  'exec: when maps hold another': () =>
    during(
      Map.prototype,
      'get',
      () => ({ powers: ['exec'] }),
      () => process.umask(),
    ),
});

/** What no power opens. */
const CLOSED = {
  'the inside of Orlop': (tree) => import(`${tree}kernel/kernel.js`),
  'by a CommonJS package': (tree) => legacy.load(`${tree}kernel/kernel.js`),
  'a plugin in the tree': (tree) => import(`${tree}plugins/ca/index.js`),
  'orlop/conformance': () => import('orlop/conformance'),
  'a file elsewhere': () => import('../secret.json', { with: { type: 'json' } }),
  'a file elsewhere, required': () => require('../secret.json'),
  'a link to it': () => require('./secret.json'),
  'require from elsewhere': (tree) => createRequire(`${tree}x.js`)('./kernel/kernel.js'),
  'require from elsewhere, by a detour': () =>
    createRequire(`${import.meta.dirname}/node_modules/../../x.js`)('./secret.json'),
  'the exports of another': () => import(`${GATE}commonjs`),
  'a file elsewhere, when all holds anything': () =>
    during(String.prototype, 'includes', Boolean, () => require('../secret.json')),
  'an entry of its own': () =>
    import(
      `${GATE}enter/${encodeURIComponent(JSON.stringify({ id: '0', powers: ['files'], module: 'node:fs' }))}`
    ),
  'the module of another': () => import(`${GATE}builtin/fs#${'0'.repeat(16)}`),
};

/** Where nobody is seen to call. */
const UNSEEN = {
  'from a job': async () => {
    const outcome = once(seen, 'outcome');
    const kill = process.kill.bind(process, process.pid);
    const tell = (...found) => seen.emit('outcome', ...found);
    Promise.resolve(0).then(kill).then(tell, tell);
    const [error] = await outcome;
    throw error;
  },
};

const WAYS = { ...POWERED, ...CLOSED, ...UNSEEN };

/** What anybody may. */
const free = () => [
  isIP('::1'),
  METHODS.includes('GET'),
  fs.constants.R_OK,
  createHash('sha256').update('').digest('hex').length,
  deserialize(serialize(1)),
  new StatusError('Gone', 'x').code,
  require('node:path').sep,
  legacy.about,
  linked,
  parentPort,
  workerData,
  legacy.loader(),
  report ?? stdin ?? null,
];

export default definePlugin({
  name: 'escapist',
  kind: 'escapist.v1',
  version: '1.0.0',
  description: 'Tries to get out.',
  grants: { subscribe: ['escape.*'], host: [] },
  start(ctx) {
    ctx.bus.serve('escape.ways', () => ({ powered: Object.keys(POWERED), closed: Object.keys(CLOSED) }));
    ctx.bus.serve('escape.free', free);
    ctx.bus.serve('escape.try', async ({ way, tree }) => {
      try {
        return { done: String(await WAYS[way](tree)) };
      } catch (error) {
        return { reason: error.reason, message: error.message };
      }
    });
    return {};
  },
});
