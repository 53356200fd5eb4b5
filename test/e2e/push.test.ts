/** Plugins that are kept in the cluster: pushed, loaded by every kernel, found again, collected. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { apiClient } from '../../plugins/cli/client.ts';
import { readKubeconfig } from '../../plugins/cli/kubeconfig.ts';
import { findServer } from '../../plugins/cli/nats/binary.ts';
import { kubectl } from '../kubectl.ts';
import { ORLOP, orlop, place, until, up } from './orlop.ts';

const BLOBS = '/apis/orlop.dev/v1/blobs';
const QUICK = ['--set', 'blob-collector.graceSeconds=2', '--set', 'blob-collector.periodSeconds=0.2'];

function folder(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'orlop-push-test-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function push(path: string, data: string, ...more: string[]): Promise<string> {
  const { code, stdout, stderr } = await orlop('plugin', 'push', path, '--data', data, ...more);
  if (code !== 0) throw new Error(stdout + stderr);
  return /^blob:sha256-[0-9a-f]{64}$/m.exec(stdout)![0];
}

/** One request with the cluster's credentials, of any method. */
async function ask(
  data: string,
  method: string,
  path: string,
): Promise<{ status: number; bytes: Buffer; length: string }> {
  const { server, ca, certificate: cert, key } = readKubeconfig(data);
  const outgoing = request(new URL(path, server), { method, ca, cert, key, agent: false }).end();
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const { statusCode: status = 0, headers } = response;
  return { status, bytes: Buffer.concat(chunks), length: headers['content-length'] ?? '' };
}

function plugin(name: string, module: string, more: object = {}): string {
  return JSON.stringify({
    apiVersion: 'orlop.dev/v1',
    kind: 'Plugin',
    metadata: { name },
    spec: { module, ...more },
  });
}

t.test(
  'a scheduler is pushed, applied, found again after kill -9, and collected when nothing names it',
  async (t) => {
    const at = await place(t);
    let cluster = await up(t, at, '--no-hello');
    const path = join(folder(t), 'my-scheduler');
    await orlop('plugin', 'new', path, '--kind', 'scheduler.v1');
    const reference = await push(path, at.data);
    t.equal(await push(path, at.data), reference, 'the same files are the same blob');
    const digest = reference.slice('blob:'.length);

    await cluster.kubectl.ok(['apply', '-f', '-'], plugin('scheduler', reference));
    await cluster.kubectl.ok('wait plugin/scheduler --for=jsonpath={.status.version}=0.1.0 --timeout=30s');
    const described = (): Promise<string> =>
      cluster.kubectl.ok(
        'get plugin scheduler -o jsonpath={.status.phase}/{.status.revision}/{.spec.module}',
      );
    await until('it runs', 20_000, async () => (await described()) === `Running/2/${reference}`);
    const documented = await orlop('plugin', 'config', 'scheduler', '--data', at.data);
    t.match(
      documented,
      { code: 0, stdout: /^my-scheduler \(scheduler\.v1, version 0\.1\.0\)/ },
      documented.stderr,
    );
    await cluster.kubectl.ok('run p --image=none --restart=Never');
    await cluster.kubectl.ok('wait pod/p --for=jsonpath={.spec.nodeName}=node-1 --timeout=30s');

    const { status, bytes, length } = await ask(at.data, 'GET', `${BLOBS}/${digest}`);
    t.equal(status, 200);
    t.equal(Number(length), bytes.length);
    t.match(await ask(at.data, 'HEAD', `${BLOBS}/${digest}`), { status: 200, length });
    t.equal((await ask(at.data, 'DELETE', `${BLOBS}/${digest}`)).status, 405);
    t.equal((await ask(at.data, 'GET', `${BLOBS}/sha256-1`)).status, 400);

    await t.test('what does not load is not pushed, what is no bundle not loaded', async (t) => {
      const bad = join(folder(t), 'bad.mjs');
      writeFileSync(bad, "import 'nowhere';");
      const refused = await orlop('plugin', 'push', bad, '--data', at.data);
      t.match(refused, {
        code: 1,
        stdout: '',
        stderr: /not pushed, because alone it does not load: .*nowhere/,
      });
      const client = apiClient(readKubeconfig(at.data));
      const raw = await client.upload<{ digest: string; size: number }>(
        BLOBS,
        Readable.from([Buffer.from('raw')]),
      );
      client.close();
      t.equal(raw.size, 3);
      for (const [module, message] of [
        [`blob:${raw.digest}`, /refused: blob sha256-\S+ is no plugin bundle/],
        [`blob:sha256-${'0'.repeat(64)}`, /refused: there is no blob/],
      ] as const) {
        const answer = await orlop('plugin', 'swap', 'scheduler', module, '--data', at.data);
        t.match(answer, { code: 1, stdout: message });
        t.match(answer.stdout, /revision 2 goes on$/m, 'the one before goes on');
      }
      await cluster.kubectl.ok(['apply', '-f', '-'], plugin('scheduler', reference));
    });

    const manifest = fileURLToPath(new URL('../../../plugins/scoring/python/plugin.json', import.meta.url));
    const python = await orlop('plugin', 'push', manifest, '--data', at.data, '--swap', 'cheap-nodes');
    t.match(python, { code: 0, stdout: /cheap-nodes: Running 1\.0\.0/ }, python.stdout + python.stderr);

    await cluster.kill9();
    cluster = await up(t, at, '--no-hello', ...QUICK);
    await until('it is back', 30_000, async () => (await described()).endsWith(`/${reference}`));
    await cluster.kubectl.ok('wait plugin/scheduler --for=jsonpath={.status.version}=0.1.0 --timeout=30s');
    // Twice the grace period.
    await sleep(4_000);
    t.equal((await ask(at.data, 'GET', `${BLOBS}/${digest}`)).status, 200, 'a Plugin names it');

    await cluster.kubectl.ok('delete plugin scheduler');
    await until('the blob is collected', 30_000, async () => {
      return (await ask(at.data, 'GET', `${BLOBS}/${digest}`)).status === 404;
    });
    await cluster.kubectl.ok('delete pod p --now');
    await cluster.kubectl.ok('run p --image=none --restart=Never');
    await cluster.kubectl.ok('wait pod/p --for=jsonpath={.spec.nodeName}=node-1 --timeout=30s');
    await cluster.kubectl.ok('delete pod p --now');
  },
);

t.test('every kernel loads the same bytes, each fetched by itself', async (t) => {
  const [here, there] = [await place(t), await place(t)];
  const caches = [folder(t), folder(t)];
  const server = await run(t, caches[0]!, [
    'server',
    '--data',
    here.data,
    '--api-port',
    String(here.ports.api),
  ]);
  const nats = /orlop node --nats (\S+)/.exec(server())?.[1];
  await run(t, caches[1]!, [
    ...['node', '--nats', nats!, '--data', there.data, '--node', 'edge-1'],
    ...['--http-port', String(there.ports.http), '--https-port', String(there.ports.https)],
  ]);
  const k = kubectl(join(here.data, 'kubeconfig'));
  const path = join(folder(t), 'guest.mjs');
  writeFileSync(
    path,
    `import { definePlugin, StatusError } from 'orlop/plugin';
    export default definePlugin({
      name: 'guest', kind: 'guest.v1', version: '1', description: 'Visits.',
      start: () => ({ health: () => ({ healthy: new StatusError('Gone', 'x') instanceof Error }) }),
    });`,
  );
  const reference = await push(path, here.data);
  await k.ok(
    ['apply', '-f', '-'],
    plugin('guest', reference, { placement: { roles: ['server', 'node'] }, isolation: 'worker/guests' }),
  );
  await until('both run it', 30_000, async () => {
    const kernels = await k.ok('get plugin guest -o jsonpath={.status.kernels}');
    return (JSON.parse(kernels || '[]') as string[]).length === 2;
  });
  const copies = caches.map((cache) => {
    const home = join(cache, 'orlop/plugins/bundles');
    const [hash = ''] = readdirSync(home);
    const bundle = join(home, hash, reference.slice('blob:'.length));
    return readFileSync(join(bundle, 'guest.mjs'), 'utf8');
  });
  t.equal(copies[0], readFileSync(path, 'utf8'));
  t.equal(copies[1], copies[0]);
});

/** A command of `orlop` with a cache folder of its own; what it has printed so far. */
async function run(t: Test, cache: string, args: string[]): Promise<() => string> {
  const binary = await findServer(
    join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'orlop'),
    console.error,
  );
  mkdirSync(join(cache, 'orlop'), { recursive: true });
  const env = { ...process.env, XDG_CACHE_HOME: cache, ORLOP_NATS_SERVER: binary };
  const child: ChildProcess = spawn(process.execPath, [ORLOP, ...args], { env });
  let printed = '';
  child.stdout!.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  child.stderr!.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  const exited = once(child, 'exit');
  t.teardown(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGINT');
    await exited;
  });
  await until(`orlop ${args[0]} is ready`, 60_000, () => {
    if (child.exitCode !== null) throw new Error(`orlop exited ${child.exitCode}: ${printed}`);
    return printed.includes('Ready in');
  });
  return () => printed;
}
