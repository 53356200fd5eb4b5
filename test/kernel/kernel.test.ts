import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { ConfigMaps, definePlugin, informer, type PluginDeclaration } from 'orlop/plugin';
import t from 'tap';
import { type KernelOptions, startKernel } from '../../kernel/kernel.ts';
import { openDataDir } from '../../plugins/cli/datadir.ts';
import { natsBy } from '../../plugins/cli/nats/server/index.ts';
import { CACHE_DIR, eventually, testKernel } from '../cluster.ts';
import { testdir } from '../testdir.ts';
import { embedded } from './nats.ts';

function plugin(rest: Partial<PluginDeclaration>): PluginDeclaration {
  return definePlugin({
    name: 'probe',
    kind: 'probe.v1',
    version: '1.0.0',
    description: 'Probes.',
    grants: { objects: [{ resource: ConfigMaps, verbs: '*' }] },
    start: () => ({}),
    ...rest,
  }) as PluginDeclaration;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A zombie waits for its new parent only.
    return !existsSync('/proc/self/stat') || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

t.test('a stop ends all it started, and a restart finds all there was', async (t) => {
  const kernel = await testKernel(t);
  const pid = kernel.nats.pid!;
  await kernel.objects.create(ConfigMaps, { metadata: { name: 'a', namespace: 'default' } });
  t.throws(() => openDataDir(kernel.dataDir), { message: /data folder .* is in use by this process/ });
  await kernel.stop();
  await kernel.stop();
  t.notOk(isAlive(pid), 'nats-server has ended');
  t.notOk(existsSync(join(kernel.dataDir, 'lock')));
  const next = await kernel.restart();
  t.equal(next.id, kernel.id);
  t.ok(await next.objects.get(ConfigMaps, { name: 'a', namespace: 'default' }));
});

t.test('a start that fails leaves nothing running', async (t) => {
  const failing = plugin({
    required: true,
    start() {
      throw new Error('no');
    },
  });
  const dataDir = testdir(t);
  const start = (o: Pick<KernelOptions, 'plugins'> & Pick<Partial<KernelOptions>, 'config'>) =>
    startKernel({
      ...o,
      dataDir: openDataDir(dataDir),
      cacheDir: CACHE_DIR,
      nats: natsBy(embedded),
      log: silent,
    });
  await t.rejects(start({ plugins: [failing] }), {
    message: /does not run \(Failed\).*no/,
  });
  await t.rejects(start({ plugins: [plugin({})], config: { prob: {} } }), {
    message: /configuration for "prob", but no such plugin; did you mean "probe"\?/,
  });
  await t.rejects(start({ plugins: [{ module: './nowhere.js' }] }), {
    message: /cannot load plugin module/,
  });
  t.notOk(existsSync(join(dataDir, 'lock')));
  t.notOk(existsSync(join(dataDir, 'nats', 'nats-server.pid')));
});

t.test('a stop in which something fails ends all the rest', async (t) => {
  const warn = (message: string): void => {
    if (message.endsWith('did not stop cleanly')) throw new Error('the log is full');
  };
  const stubborn = plugin({
    start: () => ({
      stop() {
        throw new Error('no');
      },
    }),
  });
  const dataDir = testdir(t);
  const o = {
    dataDir: openDataDir(dataDir),
    cacheDir: CACHE_DIR,
    nats: natsBy(embedded),
    plugins: [stubborn],
  };
  const kernel = await startKernel({ ...o, log: { ...silent, warn } });
  const pid = kernel.nats.pid!;
  await t.rejects(kernel.stop(), { message: 'the log is full' });
  t.notOk(isAlive(pid), 'nats-server has ended');
  t.notOk(existsSync(join(dataDir, 'lock')));
});

const ignore = (): void => {};
const silent = { debug: ignore, info: ignore, warn: ignore, error: ignore };

t.test('plugins outlive the death of nats-server', async (t) => {
  const seen: string[] = [];
  const watcher = plugin({
    start(ctx) {
      const watch = informer(
        ctx,
        ConfigMaps,
        {},
        { changed: (map) => void seen.push(map.metadata!.name!), deleted() {} },
      );
      return { stop: () => watch.close() };
    },
  });
  const kernel = await testKernel(t, { plugins: [watcher] });
  const pid = kernel.nats.pid;
  await kernel.objects.create(ConfigMaps, { metadata: { name: 'before', namespace: 'default' } });
  kernel.killNats();
  await kernel.objects.create(ConfigMaps, { metadata: { name: 'after', namespace: 'default' } });
  await eventually('both have been seen', () => seen.includes('before') && seen.includes('after'));
  t.not(kernel.nats.pid, pid);
  t.match(kernel.plugins(), [{ phase: 'Running', revision: 1 }]);
});

t.test('after kill -9 of the process nothing acknowledged is lost', async (t) => {
  const dataDir = testdir(t);
  const script = fileURLToPath(new URL('./kernel-process.js', import.meta.url));
  const child = spawn(process.execPath, [script, dataDir, CACHE_DIR], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const written: string[] = [];
  for await (const line of createInterface(child.stdout)) {
    written.push(line);
    if (written.length === 200) child.kill('SIGKILL');
  }
  const orphan = Number(written.shift()!.split(' ')[1]);
  const kernel = await testKernel(t, { dataDir });
  t.not(kernel.nats.pid, orphan);
  t.notOk(isAlive(orphan), 'the orphaned nats-server has been dealt with');
  const { items } = await kernel.objects.list(ConfigMaps);
  const found = new Set(items.map(({ key }) => key.name));
  t.same(
    written.filter((name) => !found.has(name)),
    [],
  );
});

t.test('a required plugin that keeps failing is fatal', async (t) => {
  let sick = false;
  const weak = plugin({
    required: true,
    start() {
      if (sick) throw new Error('worn out');
      return { health: () => ({ healthy: !sick, message: 'worn out' }) };
    },
  });
  const kernel = await testKernel(t, { plugins: [weak], timing: { health: 10, restart: 5 } });
  sick = true;
  t.match(await kernel.failed, { message: /plugin "probe", which is required, keeps failing: .*worn out/ });
});
