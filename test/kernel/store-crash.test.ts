import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { ConfigMaps } from '../../kernel/contract/index.ts';
import { startNats } from '../../kernel/nats/index.ts';
import { binary, quiet, temporaryFolder, testStore } from './nats.ts';

const ROUNDS = 3;

t.test('a kernel killed with its nats-server loses nothing it acknowledged', async (t) => {
  const dataDir = temporaryFolder(t);
  const present = new Set<string>();
  const deleted = new Set<string>();
  for (let round = 0; round < ROUNDS; round++) {
    const child = spawn(
      process.execPath,
      [join(dirname(fileURLToPath(import.meta.url)), 'store-crash-child.js'), dataDir, String(round)],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const exited = once(child, 'exit');
    const lines = createInterface({ input: child.stdout });
    const closed = once(lines, 'close');
    const enough = 150 * (round + 1);
    let seen = 0;
    lines.on('line', (line) => {
      if (line.startsWith('-')) {
        present.delete(line.slice(1));
        deleted.add(line.slice(1));
      } else present.add(line);
      // Its server is left behind: the next start of this folder stops it.
      if (++seen === enough) child.kill('SIGKILL');
    });
    const [code, signal] = await exited;
    await closed;
    t.equal(signal, 'SIGKILL', `it ran until it was killed (${code})`);

    const server = await startNats({ dataDir, binary, log: quiet });
    const store = await testStore(t, server);
    const { items } = await store.list(ConfigMaps, { namespace: 'crash' });
    const found = new Set(items.map(({ key }) => key.name));
    t.strictSame(
      [...present].filter((name) => !found.has(name) && !deletedLater(name)),
      [],
      `round ${round}: created`,
    );
    t.strictSame(
      [...deleted].filter((name) => found.has(name)),
      [],
      `round ${round}: deleted`,
    );
    for (const name of present) if (!found.has(name)) present.delete(name);
    await store.close();
    await server.stop();
  }
});

/** The child deletes every third of its objects; whether it did so when it was killed is not known. */
function deletedLater(name: string): boolean {
  return Number(name.slice(name.lastIndexOf('-') + 1)) % 3 === 0;
}
