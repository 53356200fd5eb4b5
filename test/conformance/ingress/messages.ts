import { once } from 'node:events';
import { Agent } from 'node:http';
import { connect } from 'node:net';
import { EndpointSlices } from 'orlop/plugin';
import { WebSocket } from 'ws';
import type { Checks } from '../checks.ts';
import { type Address, type Answer, ask, begin } from './client.ts';
import type { Pod, Seen } from './pod.ts';
import { becomes, DOMAIN, ingress, pods, rule, type Site, service, slice, whoAnswers } from './site.ts';

const host = `messages.${DOMAIN}`;

/** Whether requests and answers of every shape pass, and what becomes of those that cannot. */
export async function messagesConformance(t: Checks, site: Site): Promise<void> {
  const [pod] = await pods(t, site, ['messages']);
  await ingress(site, 'messages', { rules: [rule(host, 'messages')] });
  await becomes(t, site, () => whoAnswers(site.http, { host }), 'messages', 'an Ingress is followed');
  await t.test('requests', (t) => requests(t, site.http));
  await t.test('answers', (t) => answers(t, site.http, pod!));
  await t.test('connections', (t) => connections(t, site.http));
  await t.test('endpoints that fail', (t) => failures(t, site));
}

const seen = ({ text }: Answer): Seen => JSON.parse(text) as Seen;

async function requests(t: Checks, http: Address): Promise<void> {
  const url = '/a%2Fb/../c//d;e?f=g%20h&i';
  t.match(seen(await ask(http, { host, path: url })), { url }, 'the target stays as it is');
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
    const body = method === 'OPTIONS' ? '' : `of ${method}`;
    t.match(seen(await ask(http, { host, method, body })), { method, body }, `${method} with its body`);
  }
  const parts = Array.from({ length: 50 }, (_, index) => String(index % 10).repeat(20_000));
  const chunked = seen(await ask(http, { host, method: 'POST', body: parts }));
  t.ok(chunked.body === parts.join(''), 'a body of a megabyte, in chunks');

  const headers = {
    'x-mine': 'kept',
    'x-hop': 'dropped',
    connection: 'x-hop',
    cookie: 'a=b',
    'x-forwarded-proto': 'gopher',
    'x-forwarded-host': 'forged.test',
  };
  const { headers: found } = seen(await ask(http, { host, headers }));
  t.equal(found.host, host, 'the pod is told the host that was asked for');
  t.match(found, { 'x-mine': 'kept', cookie: 'a=b' }, 'and the headers of the client');
  t.equal(found['x-hop'], undefined, 'but for those of the connection to it');
  t.match(found['x-forwarded-for'], /127\.0\.0\.1|::1/, "the client's address");
  t.equal(found['x-forwarded-proto'], 'http', 'by what protocol it came');
  t.equal(found['x-forwarded-host'], host, 'and for which host, whatever the client claims');

  const smuggled = `POST / HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`;
  t.match(await raw(http, smuggled), /^HTTP\/1\.1 400 /, 'a body of two lengths is refused');
}

async function answers(t: Checks, http: Address, pod: Pod): Promise<void> {
  for (const status of [200, 201, 204, 302, 304, 404, 418, 500, 503]) {
    const answer = await ask(http, { host, path: `/status/${status}` });
    t.equal(answer.status, status, `the status of the pod: ${status}`);
    t.equal(answer.headers['x-of'], 'the pod', 'with its headers');
    t.same(answer.headers['set-cookie'], ['a=1', 'b=2'], 'each of them');
  }
  const head = await ask(http, { host, method: 'HEAD' });
  t.match(head, { status: 200, text: '', headers: { 'content-type': 'application/json' } }, 'HEAD');

  const { answer } = await begin(http, { host, path: '/stream' });
  const chunks = answer[Symbol.asyncIterator]();
  const first = (await chunks.next()) as { value: unknown };
  t.equal(String(first.value), 'one', 'what the pod has said so far comes before it ends');
  pod.release();
  let rest = '';
  for await (const chunk of answer) rest += String(chunk);
  t.equal(rest, 'two', 'and the rest as it comes');
  await t.rejects(ask(http, { host, path: '/cut' }), Error, 'an answer that is cut short is no whole one');
}

async function connections(t: Checks, http: Address): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  await ask(http, { host, agent });
  for (const each of [
    { path: '/' },
    { method: 'POST', body: 'x' },
    { path: '/status/204' },
    { host: `none.${host}` },
    // Last, for Node's agent ends the connection after it.
    { method: 'HEAD' },
  ]) {
    t.ok(
      (await ask(http, { host, agent, ...each })).reused,
      `${JSON.stringify(each)} over a kept connection`,
    );
  }
  const inTime = { signal: AbortSignal.timeout(10_000) };
  const peer = new WebSocket(`ws://${http.host}:${http.port}/socket`, {
    headers: { host },
    handshakeTimeout: 5_000,
  });
  t.teardown(() => peer.terminate());
  try {
    await once(peer, 'open', inTime);
    for (const message of ['hello', 'x'.repeat(100_000)]) {
      peer.send(message);
      const [echo] = (await once(peer, 'message', inTime)) as [Buffer];
      t.ok(String(echo) === message, `a WebSocket's message of ${message.length} bytes, and back`);
    }
    peer.close(4_000, 'done');
    const [code] = (await once(peer, 'close', inTime)) as [number];
    t.equal(code, 4_000, 'and its end');
  } catch (error) {
    t.fail(`a WebSocket opens: ${String(error)}`);
  }
}

async function failures(t: Checks, site: Site): Promise<void> {
  const { http, objects } = site;
  t.equal(
    (await ask(http, { host, method: 'POST', body: 'x', path: '/die' })).status,
    502,
    'one that dies: 502',
  );
  t.equal(await whoAnswers(http, { host }), 'messages', 'it goes on after that');

  const [live, dead] = await pods(t, site, ['live', 'dead']);
  dead!.stop();
  await service(objects, 'half');
  for (const pod of [live!, dead!]) await objects.create(EndpointSlices, slice('half', pod));
  const at = (name: string): string => `${name}.failing.${DOMAIN}`;
  await ingress(site, 'failing', { rules: [rule(at('half'), 'half'), rule(at('dead'), 'dead')] });
  await becomes(
    t,
    site,
    () => whoAnswers(http, { host: at('half') }),
    'live',
    'one of two that is there is found',
  );
  const found = await Promise.all(Array.from({ length: 20 }, () => whoAnswers(http, { host: at('half') })));
  t.same([...new Set(found)], ['live'], 'always');
  t.match(await whoAnswers(http, { host: at('dead') }), /^50[234]$/, 'when none is, that is said');
}

/** The first of what comes back. */
async function raw(at: Address, text: string): Promise<string> {
  const socket = connect(at);
  let answer = '';
  socket.on('data', (chunk: Buffer) => {
    answer += String(chunk);
    socket.destroy();
  });
  socket.setTimeout(5_000, () => socket.destroy());
  socket.write(text);
  await once(socket, 'close');
  return answer;
}
