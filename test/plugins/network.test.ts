import { createServer } from 'node:net';
import { type Context, type KubeObject, type Logger, StatusError } from 'orlop/plugin';
import t from 'tap';
import { formatCidr, overlap, parseCidr, subnet } from '../../plugins/network/cidr.ts';
import { claimRange } from '../../plugins/network/claim.ts';
import { AddressPool } from '../../plugins/network/pool.ts';
import { podRange } from './podrange.ts';

const log: Logger = { debug() {}, info() {}, warn() {}, error() {} };

t.test('ranges', async (t) => {
  const cluster = parseCidr('10.244.0.0/16');
  t.equal(formatCidr(subnet(cluster, 24, 7)), '10.244.7.0/24');
  t.equal(formatCidr(subnet(subnet(cluster, 24, 7), 25, 1)), '10.244.7.128/25');
  t.ok(overlap(parseCidr('10.244.3.0/24'), cluster));
  t.notOk(overlap(parseCidr('10.245.0.0/16'), cluster));
  for (const bad of ['10.244.0.0', '10.244.0.1/16', 'x/8', '10.0.0.0/33', '10.0.0.0/']) {
    t.throws(() => parseCidr(bad), StatusError, bad);
  }
});

t.test('a pod keeps its address until it is deleted, and a free one comes back last', async (t) => {
  const pool = new AddressPool({ bridge: [2, 4], local: [10, 11] });
  const a = pool.add('a', 'bridge');
  t.same(pool.add('a', 'bridge'), a);
  t.same(pool.add('b', 'local'), { ip: '0.0.0.10', attachment: 'local' });
  pool.del('a');
  t.same([pool.add('c', 'bridge').ip, pool.add('d', 'bridge').ip], ['0.0.0.3', '0.0.0.4']);
  t.equal(pool.add('e', 'bridge').ip, a.ip);
  t.throws(() => pool.add('f', 'bridge'), { message: /no pod address/ });
  pool.adopt('g', { ip: '0.0.0.11', attachment: 'local' });
  t.throws(() => pool.add('h', 'local'), { message: /no pod address/ });
  pool.adopt('i', { ip: '9.9.9.9', attachment: 'local' });
  pool.del('i');
  t.throws(() => pool.add('h', 'local'), { message: /no pod address/ }, 'a foreign address is not taken in');
});

/** Just enough of the store for claims. */
function objects(): Context['objects'] {
  const kept = new Map<string, KubeObject>();
  return {
    list: async () => ({ items: [...kept.values()].map((value) => ({ value })), revision: 1 }),
    async create(_resource: unknown, object: KubeObject) {
      const name = object.metadata!.name!;
      if (kept.has(name)) throw new StatusError('AlreadyExists', name);
      kept.set(name, object);
      return { value: object };
    },
    delete: async (_resource: unknown, { name }: { name: string }) => kept.delete(name),
  } as unknown as Context['objects'];
}

t.test('claims: one per node, none twice, on one machine too', async (t) => {
  const cluster = parseCidr(await podRange());
  const one = { objects: objects(), log };
  const a = await claimRange(one, 'a', cluster);
  t.teardown(() => a.release());
  const b = await claimRange(one, 'b', cluster);
  t.teardown(() => b.release());
  t.notOk(overlap(a.range, b.range), 'nodes of one cluster have ranges of their own');
  const elsewhere = { objects: objects(), log };
  const c = await claimRange(elsewhere, 'a', cluster);
  t.teardown(() => c.release());
  t.notOk(
    overlap(a.local, c.local) || overlap(b.local, c.local),
    'another cluster on the machine takes others',
  );
  await a.release();
  const again = await claimRange(one, 'a', cluster);
  t.same(again.range, a.range, 'a node that comes back gets what it had');
  const host = formatCidr({ base: again.local.base + 5, prefix: 32 }).split('/')[0]!;
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, host, resolve));
  t.pass('its local addresses can be bound');
  await new Promise((resolve) => server.close(resolve));
  await again.release();
});

t.test('a range that this machine routes elsewhere', async (t) => {
  const within = claimRange({ objects: objects(), log }, 'a', parseCidr('127.5.0.0/16'));
  await t.rejects(within, {
    reason: 'ServiceUnavailable',
    message: /127\.5\.0\.0\/16 is free.* routes 127\.0\.0\.0\/8/,
  });
});
