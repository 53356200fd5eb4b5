import { mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { Logger, Resource } from '../../kernel/contract/index.ts';
import type { NatsServer } from '../../kernel/nats/index.ts';
import { type ObjectStore, openStore, type StoreOptions } from '../../kernel/store/index.ts';
import { findServer } from '../../plugins/cli/nats/binary.ts';
import { startNats } from '../../plugins/cli/nats/server/index.ts';

export const quiet: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** The nats-server all tests use. */
export const binary: string = await findServer(
  join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'orlop'),
  console.error,
);

export function temporaryFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'orlop-test-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** As `orlop up` embeds it. */
export const embedded = { binary };

/** A server of the test's own. */
export async function testNats(t: Test): Promise<NatsServer> {
  const dataDir = temporaryFolder(t);
  const server = await startNats({ dataDir, ...embedded, log: quiet });
  t.teardown(() => server.stop());
  return server;
}

/** A store with a connection of its own: another process, as far as the others can tell. */
export async function testStore(
  t: Test,
  server: NatsServer,
  options: Partial<StoreOptions> & { resources?: readonly Resource[] } = {},
): Promise<ObjectStore> {
  const connection = await server.connect('test');
  t.teardown(() => connection.close());
  const store = await openStore({ connection, log: quiet, writer: 'test', ...options });
  t.teardown(() => store.close());
  server.streamsMade();
  return store;
}
