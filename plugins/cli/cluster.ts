import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Logger, PluginObject } from 'orlop/plugin';
import { type Kernel, startKernel } from '../../kernel/kernel.ts';
import { VERSION } from '../../kernel/version.ts';
import { loaders, type Role } from '../standard.ts';
import { choosePlugins, requiredOf } from './choose.ts';
import { apiClient } from './client.ts';
import { comeBack, endWithParent } from './comeback.ts';
import { UsageError, type Values } from './command.ts';
import { CrashLoops } from './crashes.ts';
import { type Blame, blame } from './culprit.ts';
import { openDataDir } from './datadir.ts';
import { follow } from './desired.ts';
import { applyHello, HELLO_HOST } from './hello.ts';
import { collectWhenIdle } from './idle.ts';
import { readKubeconfig } from './kubeconfig.ts';
import { fileLog } from './log.ts';
import { findServer } from './nats/binary.ts';
import { notDurable } from './nats/durability.ts';
import { addressOf, type Embedded } from './nats/embedded.ts';
import { natsFlags } from './nats/flags.ts';
import { natsBy } from './nats/server/index.ts';
import { cacheDir, dataDir } from './paths.ts';
import { answers } from './probe.ts';
import { keepKubeconfig, type Reach } from './reach.ts';
import { unexpected } from './unexpected.ts';

/** Brings up what these roles ask for and stays until it is stopped. Resolves with the exit code. */
export async function runCluster(roles: readonly Role[], values: Values): Promise<number> {
  const began = performance.now();
  const data = dataDir(values['data']);
  if (!roles.includes('server') && values['nats'] === undefined) {
    throw new UsageError('a node alone needs --nats URL: the NATS server of the cluster it joins.');
  }
  const replicas = replicasOf(values['replicas']);
  const config = configuration(roles, values);
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const { embedded, external } = await natsFlags(values, data);
  const log = fileLog(join(data, 'orlop.log'), values['verbose'] === true);
  const say = (label: string, text: string): void => console.log(`  ${label.padEnd(10)} ${text}`);

  const signal = interruption();
  endWithParent();

  console.log(`Orlop ${VERSION}`);
  say('data', data);
  const plugins = await choosePlugins(roles, strings(values['without']));
  const crashes = new CrashLoops(join(data, 'crashes.json'), log);
  const folder = openDataDir(data);
  // Plugins of objects run before the kernel is ready.
  const { died, watch, unwatch } = unexpected(log);
  const kernel = await startKernel({
    dataDir: folder,
    cacheDir: cacheDir(),
    roles,
    plugins,
    config,
    loaders,
    crashes,
    follow: (host, around) => {
      const apply = follow(host, around);
      return (name, object, labels) => {
        if (object?.spec.module !== undefined) watch();
        return apply(name, object, labels);
      };
    },
    log,
    nats: natsBy({
      replicas,
      ...(external ?? {
        binary: await findServer(cacheDir(), (text) => say('', text)),
        listen: embedded?.listen,
        tls: embedded?.tls,
      }),
    }),
    ...(roles.includes('node') ? { node: nodeName(values) } : {}),
  }).catch((error: unknown) => {
    unwatch();
    if (died.aborted) console.error(`orlop: nobody caught this error: ${(died.reason as Error).message}`);
    throw error;
  });
  const stopCollecting = collectWhenIdle();
  const stopKeeping = embedded?.keep(kernel.nats, log);
  const ending = AbortSignal.any([signal, died]);
  let reach: Reach | undefined;
  const stop = async (): Promise<void> => {
    stopCollecting();
    stopKeeping?.();
    await reach?.stop();
    await kernel.stop();
    unwatch();
  };
  try {
    if (!ending.aborted) {
      if (roles.includes('server')) reach = await keepKubeconfig(kernel, data, log);
      await announce(kernel, roles, values, {
        data,
        say,
        began,
        signal: ending,
        log,
        embedded,
        crashes,
        config,
        reach,
      });
    }
    const failure = await Promise.race([kernel.failed, interrupted(ending)]);
    if (failure) console.error(`orlop: ${failure.message}`);
    if (failure || signal.aborted) return failure ? 1 : 0;
    const backSince = (name: string): number => crashes.backSince(name);
    const past = { required: await requiredOf(plugins), backSince };
    const blamed = await blame(died.reason as Error, kernel, past);
    console.error(`orlop: nobody caught this error: ${blamed.text}`);
    const without = remember(blamed, crashes);
    await stop();
    return await comeBack(signal, without);
  } finally {
    await stop();
    await log.close();
    // A plugin may have left a timer, or a start that does not end, behind: that holds the process no longer than this.
    setTimeout(() => process.exit(), EXIT_MS).unref();
  }
}

/** Whether the plugin is left out of the process that comes back. */
function remember({ plugin, error }: Blame, crashes: CrashLoops): boolean {
  const name = plugin?.metadata?.name;
  if (!plugin || name === undefined) return false;
  const without = crashes.record(name, plugin.spec, error);
  if (without) console.error(`orlop: plugin "${name}" has done that again and again: it is left out for now`);
  return without;
}

/** Between the end of everything and that of the process. */
const EXIT_MS = 1_000;

type Configuration = Record<string, Record<string, unknown>>;

interface Scene {
  data: string;
  say(label: string, text: string): void;
  began: number;
  log: Logger;
  embedded: Embedded | undefined;
  crashes: CrashLoops;
  /** What the process was told for each plugin. */
  config: Configuration;
  /** Absent: there is no API server here. */
  reach: Reach | undefined;
  /** Aborted when it is being stopped: there is nothing to announce any more. */
  signal: AbortSignal;
}

async function announce(kernel: Kernel, roles: readonly Role[], values: Values, scene: Scene): Promise<void> {
  const { say, began, embedded, crashes, reach } = scene;
  const plugins = kernel.plugins();
  const running = plugins.filter((plugin) => plugin.phase === 'Running');
  say('plugins', `${running.length} running`);
  for (const { name, phase, message } of plugins) {
    if (phase !== 'Running') say('', `${name} ${phase.toLowerCase()}: ${message ?? 'no reason given'}`);
  }
  for (const name of crashes.leftOut())
    say('', `${name} left out, it ends the process: see kubectl get plugins`);
  if (!roles.includes('server')) {
    console.log(`\nReady in ${seconds(began)}. Node ${nodeName(values)} has joined. Ctrl-C stops it.`);
    return;
  }
  say('api', reach?.url ?? 'none: the plugin apiserver does not run');
  const join = await joinLine(kernel, values, embedded);
  if (values['nats'] !== undefined) await warn(kernel, scene);
  if (!roles.includes('node')) {
    console.log(
      `\nReady in ${seconds(began)}. A node joins with the second line; Ctrl-C stops the control plane.\n\n` +
        `${reach ? `  export KUBECONFIG=${reach.kubeconfig}\n` : ''}  ${join}\n`,
    );
    return;
  }
  const url = reach && (await hello(values, scene));
  if (scene.signal.aborted) return;
  console.log(
    [
      `\nReady in ${seconds(began)}.\n`,
      ...(url ? [`  curl ${url}`] : []),
      ...(reach ? [`  export KUBECONFIG=${reach.kubeconfig}`, '  kubectl get pods --all-namespaces'] : []),
      ...(url ? ['  kubectl scale deployment hello --replicas 5'] : []),
      ...(embedded ? ['\nA node of another machine joins with:\n', `  ${join}`] : []),
      '\nCtrl-C stops everything; the next start resumes this state.',
    ].join('\n'),
  );
}

/** The example is applied once per data folder, so that whoever deletes it is rid of it. Returns its URL while it is there. */
async function hello(values: Values, { data, signal, config }: Scene): Promise<string | undefined> {
  const client = apiClient(readKubeconfig(data));
  try {
    const marker = join(data, 'hello-applied');
    if (!existsSync(marker)) {
      if (values['no-hello']) return undefined;
      await applyHello(client);
      writeFileSync(marker, '');
    }
    const there = await client.get('/apis/networking.k8s.io/v1/namespaces/default/ingresses/hello').then(
      () => true,
      () => false,
    );
    if (!there) return undefined;
    const plugin = await client
      .get<PluginObject>('/apis/orlop.dev/v1/plugins/ingress')
      .catch(() => undefined);
    const { httpPort } = { httpPort: 8080, ...config['ingress'], ...plugin?.spec.config };
    const port = Number(httpPort);
    const url = `http://${HELLO_HOST}:${port}/`;
    if (await answers(port, HELLO_HOST, 10_000, signal)) return url;
    if (signal.aborted) return undefined;
    console.log(`  hello      does not answer yet at ${url}: kubectl describe pods -l app=hello tells why`);
    return undefined;
  } finally {
    client.close();
  }
}

/** Aborted at the first SIGINT, SIGTERM or SIGHUP; a second one does not wait for an orderly stop. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(130);
      console.log('\nStopping ...');
      controller.abort(name);
    });
  }
  return controller.signal;
}

function interrupted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** `--set` and the port flags as each plugin's configuration. */
function configuration(roles: readonly Role[], values: Values): Configuration {
  const config: Configuration = {};
  const put = (plugin: string, key: string, value: unknown): void => {
    config[plugin] = { ...config[plugin], [key]: value };
  };
  put('presence', 'roles', [...roles]);
  // A cluster in the foreground goes with its process; a node of a larger one may be restarted under its pods.
  if (roles.length > 1) put('node', 'stopPodsAtExit', true);
  for (const [flag, plugin, key] of [
    ['api-port', 'apiserver', 'port'],
    ['http-port', 'ingress', 'httpPort'],
    ['https-port', 'ingress', 'httpsPort'],
  ] as const) {
    const value = values[flag];
    if (value === undefined) continue;
    const port = Number(value);
    if (!Number.isInteger(port) || port < 1 || port > 65_535)
      throw new UsageError(`--${flag} ${String(value)} is not a port.`);
    put(plugin, key, port);
  }
  for (const plugin of strings(values['without'])) delete config[plugin];
  for (const text of strings(values['set'])) {
    const match = /^([a-z0-9-]+)\.([A-Za-z][A-Za-z0-9]*)=(.*)$/s.exec(text);
    if (!match) throw new UsageError(`--set ${text} is not of the form PLUGIN.KEY=VALUE.`);
    put(match[1]!, match[2]!, json(match[3]!));
  }
  return config;
}

/** Node names are DNS-1123 subdomains; a host name may have upper case. */
function nodeName(values: Values): string {
  return String(values['node'] ?? hostname()).toLowerCase();
}

/** With user and password: whoever has it is a part of the cluster. */
async function joinLine({ nats }: Kernel, values: Values, embedded: Embedded | undefined): Promise<string> {
  const own = embedded ? await embedded.address(nats) : addressOf(nats, '127.0.0.1', 'nats');
  const words = ['orlop', 'node', '--nats', String(values['nats'] ?? own), '--data', 'DIR'];
  if (values['nats-ca'] !== undefined) words.push('--nats-ca', String(values['nats-ca']));
  return words.map((word) => (/^[\w:/@.,-]+$/.test(word) ? word : `'${word}'`)).join(' ');
}

/** Of settings of an external NATS server that may lose what was acknowledged. */
async function warn({ nats }: Kernel, { say, log }: Scene): Promise<void> {
  const found = await notDurable(nats.connection).catch((error: Error) => [
    `the settings of the NATS server cannot be seen: ${error.message}`,
  ]);
  for (const [index, text] of found.entries()) {
    log.warn(`NATS: ${text}`);
    say(index === 0 ? 'nats' : '', text);
  }
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function replicasOf(value: Values[string]): 1 | 3 | undefined {
  if (value === undefined) return undefined;
  if (value !== '1' && value !== '3') throw new UsageError(`--replicas ${String(value)} is neither 1 nor 3.`);
  return value === '1' ? 1 : 3;
}

function strings(values: Values[string]): string[] {
  return Array.isArray(values) ? values.map(String) : [];
}

function seconds(began: number): string {
  return `${((performance.now() - began) / 1000).toFixed(1)} s`;
}
