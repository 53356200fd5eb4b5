/** Puts a blob that never ends, for `blobs.test.ts` to kill: prints a line for each mebibyte. */
import { setTimeout as sleep } from 'node:timers/promises';
import { connectTo } from '../../kernel/nats/index.ts';
import { openBlobs } from '../../kernel/store/index.ts';

const [server, user, pass] = process.argv.slice(2) as [string, string, string];
const blobs = openBlobs(await connectTo({ servers: [server], user, pass }, 'child'));
async function* endless(): AsyncGenerator<Buffer> {
  for (;;) {
    yield Buffer.alloc(1024 * 1024, 1);
    console.log('put');
    await sleep(1);
  }
}
await blobs.put(endless());
