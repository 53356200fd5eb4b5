/** What is said of an external NATS server whose settings may lose what was acknowledged. */
import t from 'tap';
import { notDurable, warnings } from '../../plugins/cli/nats/durability.ts';
import { testNats, testStore } from './nats.ts';

const UNSEEN = /^whether nats-server 2\.\d+\.\d+ has "sync_interval: always" cannot be seen/;

t.test('streams that Orlop made', async (t) => {
  const server = await testNats(t);
  await testStore(t, server);
  const found = await notDurable(server.connection);
  t.match(found, [UNSEEN]);
  t.equal(found.length, 1);
});

t.test('streams that were there with other settings', async (t) => {
  const server = await testNats(t);
  const connection = await server.connect('admin');
  t.teardown(() => connection.close());
  const make = async (name: string, subjects: string[], config: object): Promise<void> => {
    const answer = await connection.request(
      `$JS.API.STREAM.CREATE.${name}`,
      JSON.stringify({ name, subjects, retention: 'limits', allow_direct: true, ...config }),
    );
    t.notOk(answer.json<{ error?: object }>().error);
  };
  await make('orlop-events', ['evt.>'], { storage: 'memory', max_msgs_per_subject: 2 });
  await make('orlop-leases', ['lease.>'], {
    storage: 'file',
    max_msgs_per_subject: 4,
    persist_mode: 'async',
  });
  await make('orlop-objects', ['obj.>'], { storage: 'file' });
  t.match(await notDurable(server.connection), [
    /stream orlop-objects keeps all revisions of each object instead of 8: set max_msgs_per_subject to 8/,
    /stream orlop-events is kept in memory: all of it is lost.*storage "file"/,
    /stream orlop-leases has persist_mode async: acknowledged writes are lost/,
    UNSEEN,
  ]);
});

t.test('a cluster, and a small payload', async (t) => {
  const stream = { name: 'orlop-objects', storage: 'file', num_replicas: 1, max_msgs_per_subject: 8 };
  const server = { version: '2.12.0', max_payload: 1 << 20, cluster: 'east' };
  t.match(warnings(server, [stream]), [
    /max_payload is 1048576 bytes: larger objects are refused. Set it to 8MB/,
    /stream orlop-objects has 1 copy in the cluster east: .*--replicas 3/,
    UNSEEN,
  ]);
  t.equal(warnings({ ...server, max_payload: 8 << 20 }, [{ ...stream, num_replicas: 3 }]).length, 1);
});
