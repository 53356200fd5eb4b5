// Brings a checkout to the point where `orlop` runs: dependencies, build, generated files. Plain JavaScript, because it runs before
// anything is installed or compiled. Each step is skipped when its result is newer than what it is made from.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const major = Number(process.versions.node.split('.')[0]);
if (major < 20) fail(`Node ${process.versions.node} is too old: Orlop needs Node 20 or newer.`);

/** Files made once from the build: what makes them, and a stamp of that maker beside them. */
const GENERATED = [
  {
    what: 'Kubernetes API schemas',
    script: '.build/plugins/apiserver/schemas/generate.js',
    out: '.build/generated/schemas',
  },
  {
    what: 'the hello component',
    script: '.build/runtimes/wasm/hello/build.js',
    out: '.build/generated/hello',
  },
  {
    what: 'the score plugin in WebAssembly',
    script: '.build/plugins/scoring/wasm/build.js',
    out: '.build/generated/scoring-wasm',
    from: ['most-allocated.wat', 'scheduler-scoring.wit', 'plugin.json'].map(
      (file) => `plugins/scoring/wasm/${file}`,
    ),
  },
];

dependencies();
build();
for (const step of GENERATED) generate(step);

/**
 * `npm install`, not `npm ci`: the latter refuses a registry mirror that lacks an optional package of some other platform. The lock file
 * is followed and left alone.
 */
function dependencies() {
  const stamp = join(root, 'node_modules/.orlop-lock');
  const digest = sha256(join(root, 'package-lock.json'));
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return;
  run('Installing dependencies', 'npm', [
    'install',
    '--no-save',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ]);
  writeFileSync(stamp, digest);
}

function build() {
  run('Building', process.execPath, [join(root, 'node_modules/typescript/bin/tsc')]);
  for (const folder of ['kernel', 'plugins', 'runtimes', 'test', 'bench']) removeStale(folder);
}

/** The compiler leaves what it made of a source that is gone: a test of it would be run. */
function removeStale(folder) {
  for (const each of readdirSync(join(root, '.build', folder), { withFileTypes: true })) {
    const path = join(folder, each.name);
    if (each.isDirectory()) removeStale(path);
    else if (!existsSync(join(root, path.replace(/(\.d\.ts|\.js(\.map)?)$/, '.ts'))))
      rmSync(join(root, '.build', path));
  }
}

function generate({ what, script, out, from = [] }) {
  const path = join(root, script);
  if (!existsSync(path)) return;
  const stamp = join(root, out, '.stamp');
  const digest = [path, ...from.map((file) => join(root, file))].map(sha256).join(' ');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return;
  mkdirSync(join(root, out), { recursive: true });
  run(`Generating ${what}`, process.execPath, [path, join(root, out)]);
  writeFileSync(stamp, digest);
}

/** Runs one step quietly; its output is shown only when it fails. */
function run(what, command, args) {
  const started = Date.now();
  if (process.stderr.isTTY) process.stderr.write(`${what} ...`);
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (status !== 0) fail(`\n${what} failed:\n${error?.message ?? ''}${stdout ?? ''}${stderr ?? ''}`);
  const took = `${what}: ${((Date.now() - started) / 1000).toFixed(1)} s`;
  process.stderr.write(process.stderr.isTTY ? `\r${took}\u001b[K\n` : `${took}\n`);
}

function sha256(path) {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
