import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Checks, idle, runChecks } from 'orlop/conformance';
import {
  Admission,
  definePlugin,
  type ObjectClient,
  type PluginDeclaration,
  type Runtime,
  Runtimes,
  type ScorePlugin,
  ScorePlugins,
  Secrets,
  SecretsEncoding,
  type VolumeDriver,
  VolumeDrivers,
} from 'orlop/plugin';
import { type Kernel, type PluginEntry, startKernel } from '../../../kernel/kernel.ts';
import { lineLogger } from '../../../kernel/log.ts';
import { loaders, standardPlugins } from '../../standard.ts';
import { openDataDir } from '../datadir.ts';
import { findServer } from '../nats/binary.ts';
import { type NatsChoice, natsBy } from '../nats/server/index.ts';
import { cacheDir } from '../paths.ts';
import { stablePorts } from '../ports.ts';
import { findModule, load } from './module.ts';
import { Remains } from './remains.ts';
import { type Given, NODE, suitesOf } from './suites.ts';

/** What a suite needs that the plugin itself does not ask for. */
const BESIDE: Readonly<Record<string, string[]>> = { 'node.v1': ['../../../runtimes/fake/index.js'] };

/** Runs a plugin with the suite of its kind in this process; resolves with the exit code. `folder`: for what it stores meanwhile. */
export async function testPlugin(
  path: string,
  tell: (line: string) => void = console.log,
  { remains = new Remains(), folder = tmpdir() } = {},
): Promise<number> {
  try {
    const module = findModule(path)?.file ?? path;
    const plugin = await load(path);
    tell(`${plugin.name}: a valid declaration of kind ${plugin.kind}`);
    const given = await readGiven(module);
    const nats = { binary: await findServer(cacheDir(), tell) };
    remains.begin();
    const failed = await runChecks(
      plugin.name,
      (t) => check(t, { plugin, module, given, nats, folder, remains }),
      tell,
    );
    tell(failed === 0 ? '\nAll is well.' : `\n${failed} failed.`);
    return failed === 0 ? 0 : 1;
  } finally {
    remains.close();
  }
}

async function readGiven(module: string): Promise<Given> {
  const file = join(dirname(module), 'conformance.mjs');
  if (!existsSync(file)) return {};
  return ((await import(pathToFileURL(file).href)) as { default: Given }).default;
}

interface Trial {
  plugin: PluginDeclaration;
  module: string;
  given: Given;
  nats: NatsChoice;
  folder: string;
  remains: Remains;
}

async function check(t: Checks, trial: Trial): Promise<void> {
  try {
    await conforms(t, trial);
  } finally {
    const thrown = [...new Set(trial.remains.uncaught)].join('; ');
    t.equal(thrown, '', 'nothing was thrown where nobody catches it');
  }
}

async function conforms(t: Checks, { plugin, module, given, nats, folder, remains }: Trial): Promise<void> {
  const config = { ...(await portsOf(plugin)), ...given.config };
  const entry: PluginEntry = { module, isolation: 'inline', config };
  let objects: ObjectClient | undefined;
  let admissions: ReadonlyMap<string, Admission> = new Map();
  let drivers: ReadonlyMap<string, VolumeDriver> = new Map();
  let scorers: ReadonlyMap<string, ScorePlugin> = new Map();
  let runtimes: ReadonlyMap<string, Runtime> = new Map();
  const many = { admissions: Admission, drivers: VolumeDrivers, scorers: ScorePlugins, runtimes: Runtimes };
  const observer = definePlugin<Record<string, never>, typeof many>({
    name: 'conformance-observer',
    kind: 'observer.v1',
    version: '1.0.0',
    description:
      'Sees the admissions, volume drivers, score plugins and runtimes there are, and the objects.',
    requires: many,
    grants: { objects: [{ resource: '*', verbs: '*' }] },
    start(ctx) {
      ({ admissions, drivers, scorers, runtimes } = ctx.services);
      ({ objects } = ctx);
      return {};
    },
  });
  const lines: string[] = [];
  const start = async (node: string, nats: NatsChoice): Promise<Kernel> => {
    const dataDir = mkdtempSync(join(folder, 'orlop-plugin-test-'));
    t.teardown(() => rmSync(dataDir, { recursive: true, force: true }));
    const log = lineLogger((line) => lines.push(line), 'debug');
    const o = { cacheDir: cacheDir(), nats: natsBy(nats), node, loaders, plugins, log };
    const started = await startKernel({ ...o, dataDir: openDataDir(dataDir) });
    t.teardown(() => started.stop());
    return started;
  };
  const beside = (BESIDE[plugin.kind] ?? []).map((each) => ({ module: new URL(each, import.meta.url).href }));
  const plugins = [...(await providersFor(plugin)), ...beside, entry, observer];
  const kernel = await start(NODE, nats);
  const status = (): ReturnType<Kernel['plugins']>[number] =>
    kernel.plugins().find(({ name }) => name === plugin.name)!;
  const swap = (): Promise<void> => kernel.swap(plugin.name, entry);
  await t.test('as any plugin', async (t) => {
    const { phase, message = phase, lastError = message } = status();
    if (phase !== 'Running')
      return void t.fail(`it starts: ${phase === 'Skipped' ? skipped(message) : lastError}`);
    t.pass('it starts');
    const refused = await swap().catch((error: Error) => error.message);
    if (refused !== undefined) return void t.fail(`it swaps for itself while it runs: ${refused}`);
    t.match(status(), { phase: 'Running', revision: 2, healthy: true }, 'it swaps for itself while it runs');
  });
  if (status().phase !== 'Running') return;
  const away = async (): Promise<() => Promise<void>> => {
    await kernel.swap(plugin.name, idle(plugin));
    return swap;
  };
  const another = (node: string): Promise<Kernel> => start(node, { url: urlOf(kernel) });
  const subject = {
    name: plugin.name,
    plugin,
    kernel,
    objects: objects!,
    admissions,
    drivers,
    scorers,
    runtimes,
    config,
    given,
  };
  for (const suite of suitesOf(plugin)) await suite(t, { ...subject, swap, away, another });
  await kernel.stop();
  const unclean = lines.filter((line) => line.includes('did not stop cleanly'));
  t.equal(unclean.join('; '), '', 'it stops cleanly');
  t.equal((await remains.running()).join(', '), '', 'and leaves nothing running');
}

function skipped(message: string): string {
  return `it skipped itself (${message}); is there a configuration, for conformance.mjs, with which it runs here?`;
}

/** Of its NATS server, as another kernel joins it. */
function urlOf({ nats: { connection } }: Kernel): string {
  const url = new URL(connection.servers[0]!);
  if (connection.user !== undefined)
    Object.assign(url, { username: connection.user, password: connection.pass });
  return url.href;
}

/** The standard plugins that provide what it requires, and what those require. */
async function providersFor(plugin: PluginDeclaration): Promise<PluginEntry[]> {
  const modules = standardPlugins(['server', 'node']);
  const declarations = await Promise.all(
    modules.map(async ({ module }) => ((await import(module)) as { default: PluginDeclaration }).default),
  );
  const own = new Set(plugin.provides?.map(({ kind }) => kind));
  const chosen = new Set<PluginDeclaration>();
  const add = ({ requires = {} }: PluginDeclaration): void => {
    for (const requirement of Object.values(requires)) {
      if ('optional' in requirement || requirement.many || own.has(requirement.kind)) continue;
      const provider = declarations.find((each) =>
        each.provides?.some(({ kind }) => kind === requirement.kind),
      );
      if (!provider || chosen.has(provider)) continue;
      chosen.add(provider);
      add(provider);
    }
  };
  add(plugin);
  if (readsSecrets(plugin)) add({ ...plugin, requires: { encoding: SecretsEncoding } });
  return await Promise.all(
    [...chosen].map(async (each): Promise<PluginEntry> => {
      const { module } = modules[declarations.indexOf(each)]!;
      return { module, isolation: 'inline', config: await portsOf(each) };
    }),
  );
}

function readsSecrets({ grants }: PluginDeclaration): boolean {
  return (grants?.objects ?? []).some(
    ({ resource }) => resource === '*' || resource.resource === Secrets.resource,
  );
}

/** For each port of its configuration one that nobody listens on. */
async function portsOf({ config }: PluginDeclaration): Promise<Record<string, number>> {
  const keys = Object.entries(config?.properties ?? {}).flatMap(([key, { type }]) =>
    type === 'integer' && /^port$|Port$/.test(key) ? [key] : [],
  );
  const ports = await stablePorts(keys.length);
  return Object.fromEntries(keys.map((key, index) => [key, ports[index]!]));
}
