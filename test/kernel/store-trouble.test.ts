/** What goes wrong around a running store: clear errors, no wrong answer, and it goes on by itself afterwards. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { type ConfigMap, ConfigMaps, type StatusReason } from '../../kernel/contract/index.ts';
import { connectTo, type NatsServer } from '../../kernel/nats/index.ts';
import { type ObjectStore, openStore } from '../../kernel/store/index.ts';
import { eventually } from '../cluster.ts';
import { quiet, testNats, testStore } from './nats.ts';

const failing = (reason: StatusReason): { name: string; reason: string } => ({ name: 'StatusError', reason });

function config(name: string, data: Record<string, string> = {}): ConfigMap {
  return { metadata: { name, namespace: 'default' }, data };
}

async function names(store: ObjectStore): Promise<string[]> {
  return (await store.list(ConfigMaps)).items.map(({ key }) => key.name);
}

t.test('a stream that is deleted and made again', async (t) => {
  const server = await testNats(t);
  const store = await testStore(t, server);
  const worker = await testStore(t, server, { resources: [ConfigMaps] });
  const made = await store.create(ConfigMaps, config('old'));
  for (let n = 0; n < 5; n++) await store.create(ConfigMaps, config(`old-${n}`));
  const first = await store.list(ConfigMaps, { limit: 1 });
  const ended: (Error | undefined)[] = [];
  store.watch(ConfigMaps, { initial: true }, { event: () => undefined, closed: (e) => ended.push(e) });

  const connection = await server.connect('raw');
  t.teardown(() => connection.close());
  const manager = await connection.jetstreamManager();
  await manager.streams.delete('orlop-objects');
  await t.rejects(names(store), failing('ServiceUnavailable'));
  await t.rejects(store.create(ConfigMaps, config('new')), failing('ServiceUnavailable'));
  await t.rejects(store.delete(ConfigMaps, made.key), failing('ServiceUnavailable'));
  t.match(await store.health(), { healthy: false, message: /orlop-objects|obj\._/ });
  t.equal(
    (await store.list(ConfigMaps, { revision: 0 })).items.length,
    6,
    'the cache answers who asks for it',
  );

  const other = await testStore(t, server);
  await other.create(ConfigMaps, config('new'));
  for (const each of [store, worker]) {
    // Until it is loaded: an error, never the old stream's state.
    const seen = await eventually('it serves again', () => names(each).catch(() => undefined));
    t.strictSame(seen, ['new']);
  }
  t.match(ended, [{ reason: 'Expired' }]);
  await t.rejects(store.list(ConfigMaps, { limit: 1, continue: first.continue }), failing('Expired'));
  t.match(await store.health(), { healthy: true });
  await store.create(ConfigMaps, config('newer'));
  t.strictSame(await names(other), ['new', 'newer']);
});

interface Proxy {
  port: number;
  /** Nothing passes any more, in either direction, while both ends believe to be connected. */
  hold(held: boolean): void;
}

async function proxy(t: Test, to: number): Promise<Proxy> {
  const sockets = new Set<Socket>();
  let held = false;
  const server = createServer((near) => {
    const far = connect(to, '127.0.0.1');
    for (const [from, into] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      if (held) from.pause();
      from.on('data', (data) => into.write(data));
      from.on('error', () => into.destroy());
      from.on('close', () => {
        sockets.delete(from);
        into.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    port: (server.address() as { port: number }).port,
    hold(now) {
      held = now;
      for (const socket of sockets) {
        if (now) socket.pause();
        else socket.resume();
      }
    },
  };
}

async function behind(t: Test, server: NatsServer): Promise<{ store: ObjectStore; line: Proxy }> {
  const line = await proxy(t, Number(new URL(server.connection.servers[0]!).port));
  const servers = [`nats://127.0.0.1:${line.port}`];
  const connection = await connectTo({ ...server.connection, servers }, 'far');
  t.teardown(() => connection.close());
  const store = await openStore({ connection, log: quiet, writer: 'far' });
  t.teardown(() => store.close());
  return { store, line };
}

t.test('a line that hangs, while the clock is set back', async (t) => {
  const server = await testNats(t);
  const near = await testStore(t, server);
  const { store: far, line } = await behind(t, server);
  const seen: string[] = [];
  far.watch(
    ConfigMaps,
    { initial: true },
    {
      event: ({ type, object }) => object && seen.push(`${type} ${object.key.name}`),
      closed: (error) => error && t.fail(`the watch ended: ${error.message}`),
    },
  );
  await near.create(ConfigMaps, config('a'));
  await far.list(ConfigMaps);

  const real = Date.now;
  t.teardown(() => {
    Date.now = real;
  });
  Date.now = () => real() - 3_600_000;
  line.hold(true);
  await near.create(ConfigMaps, config('b'));
  await near.delete(ConfigMaps, { namespace: 'default', name: 'a' });
  const aborted = AbortSignal.timeout(500);
  const read = far.list(ConfigMaps).then(({ items }) => items.map(({ key }) => key.name));
  const write = far.create(ConfigMaps, config('c'));
  await once(aborted, 'abort');
  t.strictSame(
    (await far.list(ConfigMaps, { revision: 0 })).items.map(({ key }) => key.name),
    ['a'],
    'it knows no better, and says so: revision 0',
  );
  // Longer than a request and than the feed is patient.
  await new Promise((resolve) => setTimeout(resolve, 8_000));
  line.hold(false);
  t.match(await read, ['b'], 'a read that was under way shows what was done before it');
  await write;
  t.strictSame(await names(far), ['b', 'c']);
  t.strictSame(seen, ['ADDED a', 'ADDED b', 'DELETED a', 'ADDED c'], 'nothing missed, nothing twice');
  await near.create(ConfigMaps, config('d'));
  t.strictSame(await names(far), ['b', 'c', 'd']);
});
