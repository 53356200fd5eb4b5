/** A kernel's store under load, for `store-crash.test.ts` to kill: prints a line for each write once it is acknowledged. */
import { ConfigMaps } from '../../kernel/contract/index.ts';
import { startNats } from '../../kernel/nats/index.ts';
import { openStore } from '../../kernel/store/index.ts';
import { binary, quiet } from './nats.ts';

const [dataDir, round] = process.argv.slice(2) as [string, string];
const server = await startNats({ dataDir, binary, log: quiet });
const store = await openStore({ connection: await server.connect('child'), log: quiet, writer: 'child' });
const write = async (id: number): Promise<void> => {
  for (let n = 0; ; n++) {
    const name = `r${round}-${id}-${n}`;
    const metadata = { name, namespace: 'crash' };
    await store.create(ConfigMaps, { metadata });
    process.stdout.write(`${name}\n`);
    if (n % 3 !== 0) continue;
    await store.delete(ConfigMaps, metadata);
    process.stdout.write(`-${name}\n`);
  }
};
await Promise.all(Array.from({ length: 16 }, (_, id) => write(id)));
