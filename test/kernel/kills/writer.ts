/** A process that writes until it is killed, and says on standard output what it tries and what was acknowledged; see `Ledger`. */
import { join } from 'node:path';
import type { NatsConnection } from 'nats';
import { type ConfigMap, ConfigMaps, isStatus } from '../../../kernel/contract/index.ts';
import { type Connection, connectTo } from '../../../kernel/nats/index.ts';
import { type ObjectStore, openStore } from '../../../kernel/store/index.ts';
import { startNats } from '../../../plugins/cli/nats/server/index.ts';
import { embedded, quiet } from '../nats.ts';
import { isDeletion, NAMESPACE } from './ledger.ts';

export interface WriterOptions {
  /** An embedded server of its own in this folder; else `connection`. */
  dataDir?: string;
  connection?: Connection;
  /** Tells its objects from those of other processes. */
  round: string;
}

const WRITERS = 24;
const NAMES = 3;

/** Tombstones that live a second instead of ten minutes: every kill is in the middle of their expiry. */
function withShortTombstones(connection: NatsConnection): NatsConnection {
  const publish = connection.publish.bind(connection);
  connection.publish = (subject, data, options) => {
    if (options?.headers?.has('Nats-TTL')) options.headers.set('Nats-TTL', '1s');
    publish(subject, data, options);
  };
  return connection;
}

const o = JSON.parse(process.argv[2]!) as WriterOptions;
const server = o.dataDir ? await startNats({ dataDir: o.dataDir, ...embedded, log: quiet }) : undefined;
const connection = o.connection ?? server!.connection;
const store = await openStore({
  connection: withShortTombstones(await connectTo(connection, 'writer')),
  log: quiet,
  writer: 'writer',
  replicas: connection.replicas,
  highWater: o.dataDir && join(o.dataDir, 'revisions.json'),
});
server?.streamsMade();
await Promise.all(Array.from({ length: WRITERS }, (_, id) => write(store, id)));

async function write(store: ObjectStore, id: number): Promise<never> {
  for (let turn = 0; ; turn++) {
    const n = Math.floor(turn / NAMES) + 1;
    const name = `${o.round}-${id}-${turn % NAMES}`;
    // What is tried must be on its way before: a pipe that is full keeps lines here while the operation goes ahead.
    await new Promise((resolve) => process.stdout.write(`T ${name} ${n}\n`, resolve));
    try {
      await operate(store, name, n);
      process.stdout.write(`A ${name} ${n}\n`);
    } catch (error) {
      if (!isStatus(error, 'Timeout', 'ServiceUnavailable')) throw error;
      process.stdout.write(`U ${name} ${n}\n`);
    }
  }
}

async function operate(store: ObjectStore, name: string, n: number): Promise<void> {
  const object: ConfigMap = { metadata: { name, namespace: NAMESPACE }, data: { n: String(n) } };
  if (isDeletion(n)) {
    await store.delete(ConfigMaps, { namespace: NAMESPACE, name }).catch((error: unknown) => {
      if (!isStatus(error, 'NotFound')) throw error;
    });
    return;
  }
  const again = isDeletion(n - 1) || n === 1;
  try {
    await (again ? store.create(ConfigMaps, object) : store.update(ConfigMaps, object));
  } catch (error) {
    // What came before had an unknown outcome.
    if (!isStatus(error, 'AlreadyExists', 'NotFound')) throw error;
    await (again ? store.update(ConfigMaps, object) : store.create(ConfigMaps, object));
  }
}
