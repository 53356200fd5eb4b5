import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { stablePort } from '../../plugins/cli/ports.ts';
import { kubectl } from '../kubectl.ts';
import { flags, orlop, place, run, until, up } from './orlop.ts';

t.test('help and usage', async (t) => {
  const overview = await orlop('--help');
  t.equal(overview.code, 0);
  for (const name of ['up', 'server', 'node', 'kubeconfig', 'status', 'doctor', 'version']) {
    t.match(overview.stdout, new RegExp(`^ {2}${name} `, 'm'), `${name} is listed`);
    const { code, stdout } = await orlop(name, '--help');
    t.equal(code, 0, `orlop ${name} --help`);
    t.match(stdout, /Options:/);
  }
  const wrong: [string[], RegExp][] = [
    [['upp'], /there is no command "upp"/],
    [['up', '--dta', '/tmp'], /--dta/],
    [['up', '--api-port', '99999999'], /99999999 is not a port/],
    [['up', '--set', 'scheduler'], /PLUGIN.KEY=VALUE/],
    [['node'], /--nats/],
  ];
  for (const [args, message] of wrong) {
    const { code, stderr } = await orlop(...args);
    t.equal(code, 2, args.join(' '));
    t.match(stderr, message);
  }
});

t.test('version, doctor and commands without a cluster', async (t) => {
  t.match((await orlop('version')).stdout, /^orlop \d+\.\d+\.\d+/);
  const at = await place(t);
  const doctor = await orlop('doctor', '--data', at.data);
  t.equal(doctor.code, 0, doctor.stdout);
  t.match(doctor.stdout, /^ok +node /m);
  const status = await orlop('status', '--data', at.data);
  t.equal(status.code, 1);
  t.match(status.stderr, /there is no cluster in/);
});

t.test('up serves hello, stops without leftovers, resumes', async (t) => {
  const at = await place(t);
  const first = await up(t, at);
  const answer = await first.http('/', 'hello.localhost');
  t.equal(answer.status, 200, answer.body);
  t.match(first.output(), `curl http://hello.localhost:${at.ports.http}/`);
  t.match(await first.kubectl.ok('get pods'), /hello-\S+ +1\/1 +Running/);

  const status = await orlop('status', '--data', at.data);
  t.equal(status.code, 0, status.stdout + status.stderr);
  t.match(status.stdout, /kernels +1 alive\n .*: server and node, node node-1, \d+\.\d+\.\d+, since 20/);
  t.match(status.stdout, /nodes +1 of 1 ready/);
  t.match((await orlop('kubeconfig', '--data', at.data)).stdout, /^apiVersion: v1/m);

  const second = await orlop('up', '--data', at.data);
  t.equal(second.code, 1, 'a data folder has one owner');
  t.match(second.stderr, at.data);
  t.match(second.stderr, new RegExp(`\\b${first.child.pid}\\b`), 'the owner is named');
  t.notMatch(second.stderr, /\n +at /, 'no stack trace');

  await first.kubectl.ok('create configmap kept --from-literal=a=1');
  await first.kubectl.ok('delete ingress hello');
  t.equal(await first.stop(), 0, first.output());
  t.equal(processesOf(at.data), '', 'no child is left');

  const again = await up(t, at);
  t.equal(await again.kubectl.ok('get configmap kept -o jsonpath={.data.a}'), '1');
  t.notMatch(again.output(), 'curl', 'a deleted example stays deleted');
  t.match((await again.kubectl('get ingress hello')).stderr, /not found/);
});

t.test('what is told and written is where it listens, however that was configured, also later', async (t) => {
  const at = await place(t);
  const { api, http, https } = at.ports;
  const settings = { 'apiserver.port': api, 'ingress.httpPort': http, 'ingress.httpsPort': https };
  const set = Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
  const cluster = await run(t, ['up', '--data', at.data, ...set]);
  t.match(cluster.output(), `api        https://127.0.0.1:${api}\n`);
  t.match(cluster.output(), `curl http://hello.localhost:${http}/\n`);
  const client = kubectl(join(at.data, 'kubeconfig'));
  const port = await stablePort();
  const spec = { config: { port } };
  const moved = { apiVersion: 'orlop.dev/v1', kind: 'Plugin', metadata: { name: 'apiserver' }, spec };
  await client.ok('apply -f -', JSON.stringify(moved));
  const server = async () => (await orlop('kubeconfig', '--data', at.data)).stdout;
  await until('the kubeconfig follows', 30_000, async () => (await server()).includes(`127.0.0.1:${port}`));
  await until('it runs there', 10_000, async () =>
    / Running /.test((await client('get plugin apiserver')).stdout),
  );
});

t.test('a second Ctrl-C does not wait, and leaves nothing behind', async (t) => {
  const at = await place(t);
  const { child } = await up(t, at, '--no-hello');
  const exited = once(child, 'exit');
  child.kill('SIGINT');
  child.kill('SIGTERM');
  await exited;
  await until('no child is left', 10_000, () => processesOf(at.data) === '');
  t.match(child.exitCode, /^(0|130)$/);
});

t.test('a busy port is named', async (t) => {
  const at = await place(t);
  const squatter = createServer().listen(at.ports.api, '127.0.0.1');
  t.teardown(() => squatter.close());
  const { code, stderr } = await orlop('up', '--no-hello', ...flags(at));
  t.equal(code, 1);
  t.match(stderr, String(at.ports.api));
  t.match(stderr, /in use/);
  t.notMatch(stderr, /\n +at /, 'no stack trace');
  t.equal(processesOf(at.data), '', 'no child is left');
});

t.test('a nats-server that is not there is said clearly', async (t) => {
  const at = await place(t);
  process.env['ORLOP_NATS_SERVER'] = '/nowhere/nats-server';
  t.teardown(() => delete process.env['ORLOP_NATS_SERVER']);
  const { code, stderr } = await orlop('up', ...flags(at));
  t.equal(code, 1);
  t.match(stderr, /\/nowhere\/nats-server/);
  t.notMatch(stderr, /\n +at /, 'no stack trace');
});

/** Command lines of live processes that name a folder. */
function processesOf(folder: string): string {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => commandLine(pid))
    .filter((line) => line.includes(folder))
    .join('\n');
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    // It ended meanwhile.
    return '';
  }
}
