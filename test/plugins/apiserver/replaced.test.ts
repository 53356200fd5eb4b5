/** What clients of an API server are in the middle of when another one takes over. */
import { once } from 'node:events';
import { Agent } from 'node:https';
import type { Duplex } from 'node:stream';
import { ApiServer, Nodes, nodeSubject, Pods } from 'orlop/plugin';
import t from 'tap';
import { eventually } from '../../cluster.ts';
import { standard, testApi } from './cluster.ts';

const { kernel, kubectl, request, stream, url } = await testApi(t);
const POD = '/api/v1/namespaces/default/pods/web';
const NODE_PROXY = '/api/v1/nodes/n1/proxy';

/** Streams that the node of this test, which is the test itself, was asked for and has not answered. */
const asked: Duplex[] = [];
t.before(async () => {
  for (const what of ['logs', 'kubelet'] as const) {
    const streams = kernel.bus.acceptStreams(nodeSubject('n1', what), async (_params, opened) => {
      // Its first bytes are what accepts a stream.
      if (what === 'logs') opened.write('first\n');
      else await once(opened, 'data');
      asked.push(opened);
      await once(opened, 'close');
    });
    t.teardown(() => streams.close());
  }
  await kernel.objects.create(Nodes, { metadata: { name: 'n1' } });
  await kernel.objects.create(Pods, {
    metadata: { name: 'web', namespace: 'default' },
    spec: { nodeName: 'n1', containers: [{ name: 'main', image: 'app:1' }] },
  });
});

const swap = (): Promise<unknown> =>
  kernel.swap('apiserver', standard('apiserver', { port: 0, address: '127.0.0.1' }));
const isAsked = (count: number): Promise<unknown> =>
  eventually(`the node is asked ${count} times`, () => asked.length === count);

/** An HTTP answer in two parts, for a node's own server. */
const HEAD = 'HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf';

t.test('logs, proxied requests and what comes on kept connections are answered whole', async (t) => {
  const agent = new Agent({ keepAlive: true });
  t.teardown(() => agent.destroy());
  const kept = (path: string): ReturnType<typeof request> => request('GET', path, undefined, {}, agent);
  const watch = await stream(`${POD.slice(0, -4)}?watch=true`);
  await kept(POD);
  const log = request('GET', `${POD}/log`);
  await isAsked(1);
  const printed = kubectl('logs -f web');
  await isAsked(2);
  const proxied = request('GET', `${NODE_PROXY}/metrics`);
  await isAsked(3);
  asked[2]!.write(HEAD);

  const swapped = swap();
  await watch.ended;
  t.equal(kernel.service(ApiServer).url, url, 'at the same address');
  // The one that was replaced still listens to the connections it has.
  const late = kept(`${NODE_PROXY}/stats`);
  await isAsked(4);
  asked[3]!.write(HEAD);
  for (const each of asked) each.end('last');

  t.match(await log, { code: 200, text: 'first\nlast' });
  t.match(await printed, { code: 0, stdout: 'first\nlast' });
  t.match(await proxied, { code: 200, text: 'halflast' });
  t.match(await late, { code: 200, text: 'halflast', headers: { connection: 'close' } });
  await swapped;
});

t.test('what has no end goes on with the next instances, and ends with the last', async (t) => {
  asked.length = 0;
  const follows = await stream(`${POD}/log?follow=true`);
  await isAsked(1);
  const closed = once(asked[0]!, 'close');
  for (const count of [1, 2]) {
    await swap();
    asked[0]!.write(`after ${count}\n`);
    await eventually('it goes on', () => follows.lines.length === count + 1);
  }
  const elsewhere = standard('apiserver', { port: 0, address: '203.0.113.1' });
  await t.rejects(kernel.swap('apiserver', elsewhere), { message: /was not swapped/ });
  asked[0]!.write('and after one that failed\n');
  await eventually('it goes on', () => follows.lines.length === 4);
  await kernel.stop();
  await Promise.all([follows.ended, closed]);
  t.same(follows.lines, ['first', 'after 1', 'after 2', 'and after one that failed']);
});
