import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, type FSWatcher, statSync, watch } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type PluginDeclaration, StatusError } from 'orlop/plugin';
import { standardPlugins } from '../../standard.ts';
import { type ApiClient, apiClient } from '../client.ts';
import type { Values } from '../command.ts';
import { readKubeconfig } from '../kubeconfig.ts';
import { readableLine } from '../log.ts';
import { CAN_BE_FREED } from '../watchdog.ts';
import { contents, findModule, type LocalModule, load, OWN, snapshot } from './module.ts';
import { applyPlugin, teller } from './swap.ts';

const FLAGS = ['api-port', 'http-port', 'https-port'] as const;
/** Milliseconds without another save before a swap: editors write a file in several steps. */
const QUIET = 100;

/** `orlop plugin dev`: resolves with the cluster's exit code when it ends. */
export async function develop(path: string, values: Values): Promise<number> {
  const local = findModule(path);
  if (!local) throw new StatusError('NotFound', `there is no plugin at ${path}`);
  const declaration = await load(path);
  await checkAlone(declaration);
  const name = await placeOf(declaration);
  const data = String(values['data'] ?? join(local.folder ?? '.', OWN, 'cluster'));
  const cluster = startCluster(data, values, declaration.name);
  try {
    await Promise.race([ready(cluster), ended(cluster)]);
    if (cluster.exitCode !== null) return cluster.exitCode;
    console.log(name === declaration.name ? '' : `\n${declaration.name} takes the place of ${name}`);
    const client = apiClient(readKubeconfig(data));
    const saves = new Saves(local, name, client);
    await ended(cluster);
    await saves.close();
    client.close();
    return cluster.exitCode ?? 1;
  } finally {
    cluster.kill('SIGINT');
  }
}

/** The standard plugin it stands in for, which is of a kind of which there is one in a cluster; else its own name. */
export async function placeOf({ name, kind, provides = [] }: PluginDeclaration): Promise<string> {
  if (kind.startsWith('controller.') || provides.some(({ many }) => many)) return name;
  return (await standard()).find((each) => each.kind === kind)?.name ?? name;
}

/** Throws `Conflict` where a standard plugin of another kind, whose place it cannot take, provides the same. */
async function checkAlone({ name, kind, provides = [] }: PluginDeclaration): Promise<void> {
  for (const token of provides.filter(({ many }) => !many)) {
    const others = (await standard()).filter((each) => each.provides?.some((its) => its.kind === token.kind));
    if (others.length === 0 || others.some((each) => each.kind === kind)) continue;
    throw new StatusError(
      'Conflict',
      `${name} provides ${token.kind}, and so does ${others[0]!.name}, which is in every cluster that \`dev\` starts: try it with \`orlop plugin test\`, and apply it ` +
        `to a cluster of \`orlop server\` and \`orlop node\` with a spec.placement that leads to where there is no ${others[0]!.name}, such as { roles: [node] }`,
    );
  }
}

async function standard(): Promise<PluginDeclaration[]> {
  const modules = standardPlugins(['server', 'node']).map(({ module }) => import(module));
  return ((await Promise.all(modules)) as { default: PluginDeclaration }[]).map((each) => each.default);
}

/** What it prints is printed, and of its log what the named plugin says and what went wrong anywhere. */
function startCluster(data: string, values: Values, plugin: string): ChildProcess {
  const main = fileURLToPath(new URL('../main.js', import.meta.url));
  const flags = FLAGS.flatMap((flag) =>
    values[flag] === undefined ? [] : [`--${flag}`, String(values[flag])],
  );
  const words = [main, 'up', '--verbose', '--no-hello', '--data', data, ...flags];
  const child = spawn(process.execPath, [CAN_BE_FREED, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.on('data', (chunk: Buffer) => process.stdout.write(chunk));
  createInterface({ input: child.stderr }).on('line', (line) => {
    const shown = readableLine(line, plugin);
    if (shown !== undefined) process.stderr.write(`${shown}\n`);
  });
  // A terminal sends Ctrl-C, and its end, to the child as well; anyone else to this process only.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (signal === 'SIGTERM' || !process.stdin.isTTY) child.kill(signal);
    });
  }
  return child;
}

function ready(cluster: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    let printed = '';
    cluster.stdout!.on('data', (chunk: Buffer) => {
      printed += chunk.toString();
      if (printed.includes('Ctrl-C')) resolve();
    });
  });
}

async function ended(cluster: ChildProcess): Promise<void> {
  if (cluster.exitCode === null && cluster.signalCode === null) await once(cluster, 'exit');
}

/** Swaps the plugin in, now and after each save; one swap at a time, of what is there then. */
class Saves {
  readonly #local: LocalModule;
  readonly #name: string;
  readonly #client: ApiClient;
  readonly #tell: (line: string) => void;
  readonly #watchers = new Map<string, FSWatcher>();
  #timer: NodeJS.Timeout | undefined;
  #turn: Promise<void>;
  #applied: string | undefined;

  constructor(local: LocalModule, name: string, client: ApiClient) {
    this.#local = local;
    this.#name = name;
    this.#client = client;
    this.#tell = teller(local);
    this.#turn = this.#swap();
  }

  async close(): Promise<void> {
    for (const watcher of this.#watchers.values()) watcher.close();
    clearTimeout(this.#timer);
    await this.#turn;
  }

  /** Watches folders, not files: many an editor replaces the file it saves. */
  #watch(): void {
    const { file, folder } = this.#local;
    const folders = folder === undefined ? [dirname(file)] : contents(folder);
    for (const each of folders) {
      if (this.#watchers.has(each) || !statSync(each).isDirectory()) continue;
      const watcher = watch(each, (_event, name) => {
        if (name !== OWN) this.#saved();
      });
      // Its folder is gone.
      watcher.once('error', () => watcher.close());
      watcher.once('close', () => this.#watchers.delete(each));
      this.#watchers.set(each, watcher);
    }
  }

  #saved(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#turn = this.#turn.then(() => this.#swap());
    }, QUIET);
  }

  async #swap(): Promise<void> {
    try {
      this.#watch();
      if (!existsSync(this.#local.file)) return;
      const module = snapshot(this.#local);
      if (module === this.#applied) return;
      this.#applied = module;
      // What the cluster would say, but for the place of a syntax error.
      await load(module);
      await applyPlugin(this.#client, this.#name, { module }, this.#tell);
    } catch (error) {
      this.#tell(`${this.#name}: refused: ${(error as Error).message}`);
    }
  }
}
