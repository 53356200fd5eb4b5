/** The other side of `worker.ts`: what runs in a worker thread, a kernel of its own with its own NATS connection and its plugins inline. */
import { join } from 'node:path';
import { getHeapStatistics } from 'node:v8';
import { parentPort, workerData } from 'node:worker_threads';
import {
  asStatusError,
  qualifiedResource,
  type Resource,
  SecretsEncoding,
  StatusError,
} from '../contract/index.ts';
import { each, errorsAsText } from '../log.ts';
import { connectTo } from '../nats/index.ts';
import { bindEncoding, openParts, type Parts } from '../parts.ts';
import { type LoadedPlugin, loadPlugin, type PluginEntry } from './declaration.ts';
import { Host } from './host.ts';
import {
  type Change,
  type FromThread,
  type Outcome,
  outcomeOf,
  type ThreadData,
  type ToThread,
} from './messages.ts';

const data = workerData as ThreadData;
const { worker, kernel, connection, dataDir, cacheDir, loaders, resources, revisions, timing } = data;
const port = parentPort!;
const log = each((level) => (message, fields) => {
  const plain = JSON.parse(JSON.stringify(fields ?? {}, errorsAsText)) as Record<string, unknown>;
  send({ type: 'log', level, message, fields: plain });
});
let parts: Parts | undefined;
let host: Host | undefined;
let nats: Awaited<ReturnType<typeof connectTo>> | undefined;
/** By plugin, a store of its own: that of one that came later and may touch what the thread's does not hold. */
const more = new Map<string, Parts>();
/** By change, who waits for the successor. */
const leaving = new Map<number, (outcome: Outcome) => void>();
const encode = bindEncoding(
  () => [parts!, ...more.values()].map(({ store }) => store),
  () => host!,
);

let place = (): void => {};
/** Its plugins have their places: they can be swapped, though some still start. */
const placed = new Promise<void>((resolve) => (place = resolve));

function send(message: FromThread): void {
  port.postMessage(message);
}

function sendStatus(): void {
  if (host) send({ type: 'status', plugins: host.plugins() });
}

async function start(): Promise<void> {
  const name = `orlop ${kernel.id} ${worker}`;
  const [connected, plugins, encodings] = await Promise.all([
    connectTo(connection, name),
    load(data.plugins),
    load(data.encodings),
  ]);
  nats = connected;
  parts = await open(resources);
  host = new Host({
    kernel,
    objects: (writer, plugin = writer) => (more.get(plugin) ?? parts!).store.as(writer),
    bus: parts.bus,
    blobs: parts.blobs,
    log,
    plugins,
    dataDir: (plugin) => join(dataDir, 'plugins', plugin),
    cacheDir: (plugin) => join(cacheDir, 'plugins', plugin),
    provided: encode,
    changed: sendStatus,
    revisions,
    timing,
    loaders,
  });
  await host.encode(encodings);
  const starting = host.start();
  place();
  await starting;
  sendStatus();
}

async function load(entries: readonly PluginEntry[]): Promise<LoadedPlugin[]> {
  return await Promise.all(entries.map((entry) => loadPlugin(entry, undefined, loaders)));
}

async function open(slice: Resource[] | undefined): Promise<Parts> {
  const { replicas } = connection;
  return await openParts({ connection: nats!, log, writer: kernel.id, replicas, resources: slice });
}

/** The others keep their store, and the plugin's instance before keeps its own, while one is opened that holds what the change needs. */
async function change(id: number, change: Change): Promise<readonly string[]> {
  await (change.type === 'swap' || change.type === 'encode' ? placed : running);
  if (change.type === 'encode') {
    await host!.encode(await load(change.entries));
    return [];
  }
  const { name } = change;
  switch (change.type) {
    case 'enter':
      return await host!.enter(name, change.passed);
    case 'leave':
      await host!.leave(name, change.version, async (passed) => {
        const entered = new Promise<Outcome>((resolve) => leaving.set(id, resolve));
        send({ type: 'left', id, passed });
        const outcome = await entered;
        leaving.delete(id);
        if ('error' in outcome) throw StatusError.fromStatus(outcome.error);
        return outcome.serves;
      });
      return [];
    case 'unload': {
      const own = more.get(name);
      more.delete(name);
      await host!.unload(name);
      await host!.endings.over;
      await own?.close();
      return [];
    }
  }
  const { entry, resources: needed } = change;
  const before = more.get(name);
  const held = resources && new Set(resources.map(qualifiedResource));
  const isHeld = !held || needed?.every((each) => held.has(qualifiedResource(each)));
  const opened = isHeld ? undefined : await open(needed);
  keep(name, opened);
  encode(SecretsEncoding.kind);
  try {
    if (change.type === 'load') await host!.load(name, entry, true);
    else await host!.swap(name, entry);
    await before?.close();
    return [];
  } catch (error) {
    keep(name, before);
    await opened?.close();
    throw error;
  }
}

function keep(name: string, own: Parts | undefined): void {
  void (own ? more.set(name, own) : more.delete(name));
}

async function stop(): Promise<void> {
  await host?.stop();
  for (const each of more.values()) await each.close();
  await parts?.close();
  // Ends the thread, whatever its plugins left behind.
  process.exit(0);
}

async function receive(message: ToThread): Promise<void> {
  switch (message.type) {
    case 'ping':
      return send({ type: 'pong', bytes: bytes() });
    case 'stop':
      return await stop();
    case 'entered':
      return leaving.get(message.id)?.(message.outcome);
    case 'change': {
      const { id } = message;
      send({ type: 'changed', id, outcome: await outcomeOf(() => change(id, message.change)) });
    }
  }
}

function bytes(): number {
  const { used_heap_size: heap, external_memory: external } = getHeapStatistics();
  return heap + external;
}

const running = start();
port.on('message', (message: ToThread) => {
  receive(message).catch((error: unknown) => {
    // Ends the thread; the host starts another.
    queueMicrotask(() => {
      throw error;
    });
  });
});

try {
  await running;
  send({ type: 'started' });
} catch (error) {
  send({ type: 'started', error: asStatusError(error).toStatus() });
  await stop();
}
