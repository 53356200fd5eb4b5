/** The other side of `worker.ts`: what runs in a worker thread, a kernel of its own with its own NATS connection and its plugins inline. */
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { asStatusError } from '../contract/index.ts';
import { each } from '../log.ts';
import { connectTo } from '../nats/index.ts';
import { bindEncoding, openParts, type Parts } from '../parts.ts';
import { loadPlugin } from './declaration.ts';
import { Host } from './host.ts';
import type { FromThread, ThreadData, ToThread } from './messages.ts';

const { worker, kernel, connection, dataDir, cacheDir, plugins, loaders, resources, revisions, timing } =
  workerData as ThreadData;
const port = parentPort!;
const log = each((level) => (message, fields) => {
  send({
    type: 'log',
    level,
    message,
    ...(fields ? { fields: JSON.parse(JSON.stringify(fields)) as typeof fields } : {}),
  });
});
let parts: Parts | undefined;
let host: Host | undefined;

function send(message: FromThread): void {
  port.postMessage(message);
}

function sendStatus(): void {
  if (host) send({ type: 'status', plugins: host.plugins() });
}

async function start(): Promise<void> {
  const name = `orlop ${kernel.id} ${worker}`;
  const [nats, loaded] = await Promise.all([
    connectTo(connection, name),
    Promise.all(plugins.map((entry) => loadPlugin(entry, undefined, loaders))),
  ]);
  parts = await openParts({
    connection: nats,
    log,
    writer: kernel.id,
    replicas: connection.replicas,
    ...(resources ? { resources } : {}),
  });
  host = new Host({
    kernel,
    objects: parts.store,
    bus: parts.bus,
    blobs: parts.blobs,
    log,
    plugins: loaded,
    dataDir: (plugin) => join(dataDir, 'plugins', plugin),
    cacheDir: (plugin) => join(cacheDir, 'plugins', plugin),
    provided: bindEncoding(parts.store, () => host!),
    changed: sendStatus,
    revisions,
    timing,
    loaders,
  });
  await host.start();
  sendStatus();
}

async function stop(): Promise<void> {
  await host?.stop();
  await parts?.close();
  // Ends the thread, whatever its plugins left behind.
  process.exit(0);
}

async function receive(message: ToThread): Promise<void> {
  switch (message.type) {
    case 'ping':
      return send({ type: 'pong' });
    case 'stop':
      return await stop();
    case 'swap': {
      const { id, name, entry } = message;
      try {
        await host!.swap(name, entry);
        send({ type: 'swapped', id });
      } catch (error) {
        send({ type: 'swapped', id, error: asStatusError(error).toStatus() });
      }
    }
  }
}

port.on('message', (message: ToThread) => {
  receive(message).catch((error: unknown) => {
    // Ends the thread; the host starts another.
    queueMicrotask(() => {
      throw error;
    });
  });
});

try {
  await start();
  send({ type: 'started' });
} catch (error) {
  send({ type: 'started', error: asStatusError(error).toStatus() });
  await stop();
}
