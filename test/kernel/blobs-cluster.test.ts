import { randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { openBlobs } from '../../kernel/store/index.ts';
import { startNats } from '../../plugins/cli/nats/server/index.ts';
import { embedded, quiet, temporaryFolder } from './nats.ts';

t.test('three copies: puts and reads go on when any server is killed', async (t) => {
  const server = await startNats({ dataDir: temporaryFolder(t), ...embedded, log: quiet, replicas: 3 });
  t.teardown(() => server.stop());
  const connection = await server.connect('blobs');
  const blobs = openBlobs(connection, 3);
  t.teardown(async () => {
    blobs.close();
    await connection.close();
  });
  await blobs.put(Buffer.from('first'));
  const manager = await connection.jetstreamManager();
  t.equal((await manager.streams.info('OBJ_orlop-blobs')).config.num_replicas, 3);
  for (const name of ['orlop-1', 'orlop-2', 'orlop-3']) {
    const pieces = Array.from({ length: 4 }, () => randomBytes(700_000));
    const source = async function* (): AsyncGenerator<Buffer> {
      for (const [i, piece] of pieces.entries()) {
        if (i === 2) process.kill(server.pids[Number(name.slice(-1)) - 1]!, 'SIGKILL');
        yield piece;
      }
    };
    const { digest } = await blobs.put(source());
    t.ok((await buffer(await blobs.get(digest))).equals(Buffer.concat(pieces)), `${name} killed`);
    // Two of three have to be there for the next.
    for (;;) {
      const { cluster } = await manager.streams.info('OBJ_orlop-blobs').catch(() => ({ cluster: undefined }));
      if (cluster?.leader && cluster.replicas?.every(({ current }) => current)) break;
      await sleep(100);
    }
  }
  t.equal((await blobs.list()).length, 4);
});
