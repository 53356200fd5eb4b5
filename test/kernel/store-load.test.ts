/** What a process loads at its start while the stream changes. */
import type { NatsConnection } from 'nats';
import { ConfigMaps } from 'orlop/plugin';
import t from 'tap';
import { openStore } from '../../kernel/store/index.ts';
import { quiet, testNats, testStore } from './nats.ts';

const namespace = 'default';
const TTL = 2_000;

/** Tombstones that live two seconds instead of ten minutes. */
function withShortTombstones(connection: NatsConnection): NatsConnection {
  const publish = connection.publish.bind(connection);
  connection.publish = (subject, data, options) => {
    if (options?.headers?.has('Nats-TTL')) options.headers.set('Nats-TTL', `${TTL / 1_000}s`);
    publish(subject, data, options);
  };
  return connection;
}

t.test('tombstones that expire meanwhile hide no object', async (t) => {
  const server = await testNats(t);
  const connection = withShortTombstones(await server.connect('writer'));
  t.teardown(() => connection.close());
  const store = await openStore({ connection, log: quiet, writer: 'writer' });
  t.teardown(() => store.close());
  server.streamsMade();
  const names = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}-${i}`);
  const create = (name: string) =>
    store.create(ConfigMaps, { metadata: { name, namespace }, data: { fill: 'x'.repeat(1_000) } });
  const [again, stay] = [names('again', 100), names('stays', 3_000)];
  await Promise.all([...stay.slice(0, 2_500), ...again].map(create));
  await Promise.all(again.map((name) => store.delete(ConfigMaps, { namespace, name })));
  const expired = performance.now() + TTL + 1_000;
  // The tombstones are in the middle of the stream, and not the last of what they are about.
  await Promise.all(again.map(create));
  await Promise.all(stay.slice(2_500).map(create));
  let loads = 0;
  const hidden = new Set<string>();
  const load = async (): Promise<void> => {
    while (performance.now() < expired) {
      const late = await testStore(t, server);
      const { items } = await late.list(ConfigMaps, { namespace });
      const found = new Set(items.map(({ key }) => key.name));
      for (const name of [...stay, ...again]) if (!found.has(name)) hidden.add(name);
      loads += 1;
      await late.close();
    }
  };
  await Promise.all([load(), load(), load()]);
  t.same([...hidden], [], `of ${loads} loads none lacks any`);
  t.ok(loads > 3);
});
