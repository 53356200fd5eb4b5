import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Endpoint, EndpointSlice, Logger, Service } from 'orlop/plugin';
import t, { type Test } from 'tap';
import { Affinity } from '../../plugins/loadbalancer/affinity.ts';
import { routeServices } from '../../plugins/loadbalancer/anyip.ts';
import { serveConnection } from '../../plugins/loadbalancer/connection.ts';
import { LeastBusy, type Member } from '../../plugins/loadbalancer/leastbusy.ts';
import { addresses } from '../../plugins/loadbalancer/listeners.ts';
import { ServiceTable } from '../../plugins/loadbalancer/table.ts';
import { formatCidr } from '../../plugins/network/cidr.ts';
import { routedRanges } from '../../plugins/network/routes.ts';

const log: Logger = { debug() {}, info() {}, warn() {}, error() {} };
const endpoint = (port: number): Endpoint => ({ host: '10.0.0.1', port });

t.test('the least busy endpoint is chosen, exactly, against a full scan', async (t) => {
  const set = new LeastBusy();
  const model = new Map<number, number>();
  const held: Member[] = [];
  let seed = 7;
  const random = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff;
    return (seed >> 8) % below;
  };
  let wrong = 0;
  for (let step = 0; step < 20_000; step += 1) {
    const dice = random(100);
    if (dice < 2) {
      const ports = new Set(Array.from({ length: random(8) }, () => random(12)));
      for (const port of model.keys()) if (!ports.has(port)) model.delete(port);
      for (const port of ports) if (!model.has(port)) model.set(port, 0);
      // One that comes back starts anew: what it had in flight belongs to the member that left.
      set.update([...ports].map(endpoint));
    } else if (dice < 55 || held.length === 0) {
      const member = set.take();
      const least = Math.min(...model.values());
      if (member === undefined ? model.size > 0 : model.get(member.port) !== least) wrong += 1;
      if (member) {
        model.set(member.port, model.get(member.port)! + 1);
        held.push(member);
      }
    } else {
      const [member] = held.splice(random(held.length), 1);
      if (member!.present) model.set(member!.port, model.get(member!.port)! - 1);
      set.release(member!);
    }
    if (set.size !== model.size) wrong += 1;
  }
  t.equal(wrong, 0);
});

t.test('equals take turns; those tried in vain are left out', async (t) => {
  const set = new LeastBusy();
  set.update([endpoint(1), endpoint(2), endpoint(3)]);
  const order = Array.from({ length: 6 }, () => {
    const member = set.take()!;
    set.release(member);
    return member.port;
  });
  t.same(order, [1, 2, 3, 1, 2, 3]);
  t.equal(set.take([endpoint(1), endpoint(3)])?.port, 2);
  t.equal(set.take([endpoint(1), endpoint(2), endpoint(3)]), undefined);
});

const service = (spec: Service['spec']): Service => ({
  metadata: { namespace: 'n', name: 's' },
  ...(spec && { spec }),
});

function slice(
  name: string,
  hosts: Record<string, { ready?: boolean; serving?: boolean; terminating?: boolean }>,
) {
  return {
    metadata: { namespace: 'n', name, labels: { 'kubernetes.io/service-name': 's' } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: Object.entries(hosts).map(([host, conditions]) => ({ addresses: [host], conditions })),
  } satisfies EndpointSlice;
}

t.test('Services and EndpointSlices in any order become endpoints', async (t) => {
  const table = new ServiceTable();
  const pick = (port: string | number) => table.pick('n', 's', port)?.endpoint;
  table.setSlice(slice('a', { '1.1.1.1': {}, '1.1.1.2': { ready: false } }));
  t.equal(pick(80), undefined, 'no Service yet');
  table.setService(service({ ports: [{ name: 'http', port: 80 }] }));
  t.match(pick(80), { host: '1.1.1.1', port: 8080 });
  t.match(pick('http'), { host: '1.1.1.1' });
  t.equal(pick(81), undefined);
  table.setSlice(slice('b', { '1.1.1.3': {} }));
  t.equal(table.endpoints('n', 's', 80)?.size, 2, 'slices add up');
  table.deleteSlice(slice('b', {}));
  const ending = { ready: false, serving: true, terminating: true };
  table.setSlice(slice('a', { '1.1.1.4': ending }));
  t.match(pick(80), { host: '1.1.1.4' }, 'when all are ending, one that serves');
  table.setSlice(slice('a', { '1.1.1.4': ending, '1.1.1.5': {} }));
  t.match([pick(80), pick(80)], [{ host: '1.1.1.5' }, { host: '1.1.1.5' }], 'else none that ends');
  table.deleteService(service({}));
  t.equal(pick(80), undefined);
});

t.test('where a Service listens', async (t) => {
  const spec = {
    clusterIP: '10.96.0.9',
    ports: [
      { port: 80, nodePort: 30_080 },
      { port: 53, protocol: 'UDP' },
    ],
  };
  t.same([...addresses(service(spec), '0.0.0.0').keys()], ['10.96.0.9:80', '0.0.0.0:30080']);
  t.equal(addresses(service({ ...spec, clusterIP: 'None', ports: [{ port: 80 }] }), '0.0.0.0').size, 0);
  t.equal(addresses(service({ ...spec, type: 'ExternalName' }), '0.0.0.0').size, 0);
  t.equal(addresses(undefined, '0.0.0.0').size, 0);
});

t.test('affinity ends with its time', async (t) => {
  const affinity = new Affinity();
  affinity.set('c', endpoint(1), 100, 0);
  t.same(affinity.get('c', 99), endpoint(1));
  t.equal(affinity.get('c', 100), undefined);
});

async function listening(
  t: Test,
  onConnection: (socket: Socket) => void,
): Promise<Endpoint & { server: Server }> {
  const server = createServer({ allowHalfOpen: true }, onConnection);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port, server };
}

t.test('a connection is piped to an endpoint that accepts it, half-closes and all', async (t) => {
  const gone = await listening(t, () => {});
  await new Promise((resolve) => gone.server.close(resolve));
  const echo = await listening(t, (socket) => {
    let text = '';
    socket.on('data', (chunk) => (text += chunk)).on('end', () => socket.end(`heard ${text}`));
  });
  const set = new LeastBusy();
  set.update([gone, echo]);
  const done: Promise<void>[] = [];
  const front = await listening(t, (socket) => {
    const choose = (not: readonly Endpoint[]) => {
      const member = set.take(not);
      return member && { endpoint: member, release: () => set.release(member) };
    };
    done.push(serveConnection(socket, choose, log));
  });
  const ask = async (): Promise<string> => {
    const client = connect({ host: front.host, port: front.port, allowHalfOpen: true });
    client.end('hello');
    let text = '';
    for await (const chunk of client) text += chunk;
    return text;
  };
  t.same(await Promise.all([ask(), ask(), ask()]), ['heard hello', 'heard hello', 'heard hello']);
  await Promise.all(done);
  t.equal(set.take([gone])?.load, 1, 'what was held is released');
  set.update([gone]);
  await t.rejects(ask(), { code: 'ECONNRESET' }, 'no endpoint accepts: the client sees a reset');
});

const noRoutes = process.platform !== 'linux' || process.getuid?.() !== 0;

t.test('clusters of one range share its route', { skip: noRoutes && 'needs root on Linux' }, async (t) => {
  const cidr = `10.97.${randomInt(255)}.128/25`;
  const isRouted = async () => (await routedRanges()).some((each) => formatCidr(each) === cidr);
  const [first, second] = await Promise.all([routeServices(cidr), routeServices(cidr)]);
  t.same([first.refusal, second.refusal], [undefined, undefined]);
  await first.release(false);
  t.ok(await isRouted(), 'it is still used');
  const successor = await routeServices(cidr);
  await second.release(true);
  t.ok(await isRouted(), 'a successor has it');
  await successor.release(true);
  t.ok(await isRouted(), 'also one that does not hold it');
  const routes = await Promise.all(Array.from({ length: 8 }, () => routeServices(cidr)));
  let newest = routes.pop()!;
  for (const route of routes) {
    const [next] = await Promise.all([routeServices(cidr), route.release(false), newest.release(false)]);
    newest = next;
    t.ok(await isRouted(), 'whoever comes while it is removed has it');
  }
  await newest.release(false);
  t.notOk(await isRouted());
  t.match((await routeServices('10.97.1.2/24x')).refusal, /expected|[Ii]nvalid/);
});
