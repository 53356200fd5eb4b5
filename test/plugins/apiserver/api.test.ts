import { once } from 'node:events';
import { Agent } from 'node:https';
import { connect } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { gunzipSync } from 'node:zlib';
import { ApiServer } from 'orlop/plugin';
import t from 'tap';
import { certificateAuthority } from '../../../plugins/ca/ca.ts';
import { eventually } from '../../cluster.ts';
import { testdir } from '../../testdir.ts';
import { standard, testApi } from './cluster.ts';

const cluster = await testApi(t);
const { request } = cluster;
const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';

const config = (name: string, data: Record<string, string> = {}, metadata: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...metadata },
  data,
});

t.test('create, read, replace and delete', async (t) => {
  const made = await request('POST', CONFIG_MAPS, config('one', { a: '1' }));
  t.match(made, { code: 201, body: { metadata: { namespace: 'default', uid: /-/, resourceVersion: /\d/ } } });
  t.match(await request('POST', CONFIG_MAPS, config('one')), {
    code: 409,
    body: { reason: 'AlreadyExists' },
  });
  t.strictSame((await request('GET', `${CONFIG_MAPS}/one`)).body, made.body);

  const next = await request('PUT', `${CONFIG_MAPS}/one`, config('one', { a: '2' }));
  t.match(next, { code: 200, body: { metadata: { uid: made.body.metadata.uid }, data: { a: '2' } } });
  const stale = config('one', { a: '3' }, { resourceVersion: made.body.metadata.resourceVersion });
  t.match(await request('PUT', `${CONFIG_MAPS}/one`, stale), { code: 409, body: { reason: 'Conflict' } });
  const same = await request('PUT', `${CONFIG_MAPS}/one`, next.body);
  t.equal(
    same.body.metadata.resourceVersion,
    next.body.metadata.resourceVersion,
    'nothing changed, nothing written',
  );
  t.match(await request('PUT', `${CONFIG_MAPS}/one`, config('two')), {
    code: 400,
    body: { message: /does not match the name on the URL/ },
  });
  t.match(await request('PUT', `${CONFIG_MAPS}/none`, config('none')), { code: 404 });

  const wrong = { preconditions: { uid: 'another' } };
  t.match(await request('DELETE', `${CONFIG_MAPS}/one`, wrong), {
    code: 409,
    body: { message: /UID in precondition: another/ },
  });
  const gone = await request('DELETE', `${CONFIG_MAPS}/one`);
  t.match(gone, { code: 200, body: { status: 'Success', details: { name: 'one', kind: 'configmaps' } } });
  t.match(await request('GET', `${CONFIG_MAPS}/one`), {
    code: 404,
    body: {
      reason: 'NotFound',
      message: 'configmaps "one" not found',
      details: { name: 'one', kind: 'configmaps' },
    },
  });
});

t.test('dry runs change nothing', async (t) => {
  t.match(await request('POST', `${CONFIG_MAPS}?dryRun=All`, config('dry')), {
    code: 201,
    body: { metadata: { name: 'dry', uid: /-/, creationTimestamp: /Z$/ } },
  });
  t.match(await request('GET', `${CONFIG_MAPS}/dry`), { code: 404 });
  await request('POST', CONFIG_MAPS, config('dry', { a: '1' }));
  t.match(await request('POST', `${CONFIG_MAPS}?dryRun=All`, config('dry')), { code: 409 });
  t.match(await request('PUT', `${CONFIG_MAPS}/dry?dryRun=All`, config('dry', { a: '2' })), {
    body: { data: { a: '2' } },
  });
  t.match(await request('DELETE', `${CONFIG_MAPS}/dry?dryRun=All`), { code: 200 });
  t.match(await request('GET', `${CONFIG_MAPS}/dry`), { code: 200, body: { data: { a: '1' } } });
  const deployments = '/apis/apps/v1/namespaces/default/deployments';
  const spec = (replicas: number) => ({
    replicas,
    selector: { matchLabels: { a: 'b' } },
    template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
  });
  await request('POST', deployments, { metadata: { name: 'dry' }, spec: spec(1) });
  const changed = await request('PUT', `${deployments}/dry?dryRun=All`, {
    metadata: { name: 'dry' },
    spec: spec(2),
  });
  t.match(changed, { code: 200, body: { metadata: { generation: 2 }, spec: { replicas: 2 } } });
  t.match(await request('GET', `${deployments}/dry`), {
    body: { metadata: { generation: 1 }, spec: { replicas: 1 } },
  });
});

t.test('lists: pages, selectors, revisions, forms', async (t) => {
  const made = await Promise.all(
    [1, 2, 3, 4, 5].map((i) =>
      request('POST', CONFIG_MAPS, config(`l${i}`, {}, { labels: { set: 'l', odd: String(i % 2) } })),
    ),
  );
  t.same(
    made.map(({ code }) => code),
    [201, 201, 201, 201, 201],
  );
  const list = `${CONFIG_MAPS}?labelSelector=set%3Dl`;
  const names = (body: { items: { metadata: { name: string } }[] }): string[] =>
    body.items.map(({ metadata }) => metadata.name);
  const first = await request('GET', `${list}&limit=2`);
  t.same(names(first.body), ['l1', 'l2']);
  await request('DELETE', `${CONFIG_MAPS}/l4`);
  const token = encodeURIComponent(first.body.metadata.continue);
  const rest = await request('GET', `${list}&limit=10&continue=${token}`);
  t.same(names(rest.body), ['l3', 'l4', 'l5'], 'further pages show the state of the first');
  t.equal(rest.body.metadata.resourceVersion, first.body.metadata.resourceVersion);
  t.match(await request('GET', `${list}&limit=10&continue=rubbish`), { code: 400 });
  const exact = `resourceVersion=${first.body.metadata.resourceVersion}&resourceVersionMatch=Exact`;
  t.same(names((await request('GET', `${list}&${exact}`)).body), ['l1', 'l2', 'l3', 'l4', 'l5']);
  t.same(names((await request('GET', `${CONFIG_MAPS}?labelSelector=set%3Dl,odd%21%3D1`)).body), ['l2']);
  t.same(names((await request('GET', `${CONFIG_MAPS}?fieldSelector=metadata.name%3Dl3`)).body), ['l3']);
  t.match(await request('GET', `${CONFIG_MAPS}?fieldSelector=data.x%3D1`), {
    code: 400,
    body: { message: /field label not supported/ },
  });

  const table = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' };
  t.match((await request('GET', list, undefined, table)).body, {
    kind: 'Table',
    columnDefinitions: [{ name: 'Name' }, { name: 'Data' }, { name: 'Age' }],
    rows: [{ cells: ['l1', 0, String], object: { kind: 'PartialObjectMetadata' } }],
  });
  const partial = { accept: 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io' };
  const { body } = await request('GET', list, undefined, partial);
  t.equal(body.kind, 'PartialObjectMetadataList');
  t.notOk('data' in body.items[0]);
  t.match(await request('GET', list, undefined, { accept: 'image/png' }), {
    code: 406,
    body: { reason: 'NotAcceptable' },
  });

  t.match(await request('DELETE', list), { code: 200, body: { kind: 'ConfigMapList' } });
  t.same(names((await request('GET', list)).body), []);
});

t.test('large lists are compressed for who can read that', async (t) => {
  await Promise.all(
    [1, 2, 3].map((i) => request('POST', CONFIG_MAPS, config(`big${i}`, { x: 'x'.repeat(100_000) }))),
  );
  const { headers } = await request('GET', CONFIG_MAPS, undefined, { 'accept-encoding': 'gzip' });
  t.equal(headers['content-encoding'], 'gzip');
  const plain = await request('GET', CONFIG_MAPS);
  t.equal(plain.headers['content-encoding'], undefined);
  t.ok(Number(headers['content-length']) < plain.text.length / 10);
  t.throws(() => gunzipSync(Buffer.from(plain.text)));
});

interface Frame {
  type: string;
  object: {
    kind: string;
    code?: number;
    metadata: { name: string; resourceVersion: string; annotations?: Record<string, string> };
  };
}

t.test('watches', async (t) => {
  const frames = (lines: string[]): Frame[] => lines.map((line) => JSON.parse(line) as Frame);
  const seen = (lines: string[]): string[] =>
    frames(lines).map(({ type, object }) => `${type} ${object.metadata.name}`);
  const { body } = await request('POST', CONFIG_MAPS, config('w0'));
  const since = body.metadata.resourceVersion as string;
  const all = await cluster.stream(`${CONFIG_MAPS}?watch=true&resourceVersion=${since}`);
  const selected = await cluster.stream(
    `${CONFIG_MAPS}?watch=true&resourceVersion=${since}&labelSelector=on`,
  );
  const table = await cluster.stream(
    `/api/v1/watch/namespaces/default/configmaps/w1?resourceVersion=${since}`,
  );
  await request('POST', CONFIG_MAPS, config('w1', {}, { labels: { on: '' } }));
  await request('PUT', `${CONFIG_MAPS}/w1`, config('w1'));
  await request('DELETE', `${CONFIG_MAPS}/w1`);
  await request('DELETE', `${CONFIG_MAPS}/w0`);
  await eventually('all events', () => all.lines.length === 4);
  t.same(seen(all.lines), ['ADDED w1', 'MODIFIED w1', 'DELETED w1', 'DELETED w0']);
  t.same(seen(table.lines), ['ADDED w1', 'MODIFIED w1', 'DELETED w1'], 'one object by its deprecated path');
  t.same(seen(selected.lines), ['ADDED w1', 'DELETED w1'], 'what stops matching is seen as deleted');
  const again = await cluster.stream(
    `${CONFIG_MAPS}?watch=true&resourceVersion=${frames(all.lines)[0]!.object.metadata.resourceVersion}`,
  );
  await eventually('what was missed', () => again.lines.length === 3);
  t.same(
    seen(again.lines),
    ['MODIFIED w1', 'DELETED w1', 'DELETED w0'],
    'a watch resumes where another ended',
  );

  const wanted = 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
  const initial = await cluster.stream(`/api/v1/namespaces?watch=true&${wanted}&timeoutSeconds=1`);
  await initial.ended;
  const last = frames(initial.lines).at(-1)!;
  t.match(last, {
    type: 'BOOKMARK',
    object: { kind: 'Namespace', metadata: { annotations: { 'k8s.io/initial-events-end': 'true' } } },
  });
  t.same(seen(initial.lines).slice(0, -1).sort()[0], 'ADDED default');
  t.match(await request('GET', '/api/v1/namespaces?watch=true&sendInitialEvents=true'), { code: 422 });
  for (const each of [all, selected, table, again]) each.close();
});

t.test('a revision that is not there yet is waited for, but not for ever', async (t) => {
  const future = await request('GET', `${CONFIG_MAPS}?resourceVersion=999999999`);
  t.match(future, { code: 504, body: { reason: 'Timeout', message: /Too large resource version/ } });
});

t.test('what cannot be understood is refused with a Status', async (t) => {
  const json = { 'content-type': 'application/json' };
  const cases: [name: string, expected: object, ...Parameters<typeof request>][] = [
    [
      'half a body',
      { code: 400, body: { reason: 'BadRequest', message: /json parse error/ } },
      'POST',
      CONFIG_MAPS,
      '{',
      json,
    ],
    ['no body', { code: 400 }, 'POST', CONFIG_MAPS, '', json],
    ['a list', { code: 400 }, 'POST', CONFIG_MAPS, '[]', json],
    [
      'bad YAML',
      { code: 400, body: { message: /yaml parse error/ } },
      'POST',
      CONFIG_MAPS,
      'a: [',
      { 'content-type': 'application/yaml' },
    ],
    [
      'bad protobuf',
      { code: 400 },
      'POST',
      CONFIG_MAPS,
      'k8s',
      { 'content-type': 'application/vnd.kubernetes.protobuf' },
    ],
    ['another media type', { code: 415 }, 'POST', CONFIG_MAPS, 'a,b', { 'content-type': 'text/csv' }],
    ['too large a body', { code: 413 }, 'POST', CONFIG_MAPS, config('x', { a: 'x'.repeat(4_000_000) })],
    [
      'another kind',
      { code: 400, body: { message: /Secret/ } },
      'POST',
      CONFIG_MAPS,
      { ...config('x'), kind: 'Secret' },
    ],
    ['another version', { code: 400 }, 'POST', CONFIG_MAPS, { ...config('x'), apiVersion: 'v2' }],
    ['metadata that is none', { code: 400 }, 'POST', CONFIG_MAPS, { metadata: 'x' }],
    [
      'a wrong type',
      { code: 400, body: { message: /cannot unmarshal/ } },
      'POST',
      CONFIG_MAPS,
      { metadata: { name: 'x' }, data: { a: 1 } },
    ],
    [
      'an unknown field, strictly',
      { code: 400, body: { message: /unknown field "x"/ } },
      'POST',
      `${CONFIG_MAPS}?fieldValidation=Strict`,
      { ...config('x'), x: 1 },
    ],
    [
      'an illegal name',
      { code: 422, body: { reason: 'Invalid', details: { causes: [{ field: 'metadata.name' }] } } },
      'POST',
      CONFIG_MAPS,
      config('A_B'),
    ],
    ['no name', { code: 422 }, 'POST', CONFIG_MAPS, { data: {} }],
    ['another namespace', { code: 400 }, 'POST', CONFIG_MAPS, config('x', {}, { namespace: 'other' })],
    [
      'no such namespace',
      { code: 404, body: { message: 'namespaces "nope" not found' } },
      'POST',
      '/api/v1/namespaces/nope/configmaps',
      config('x'),
    ],
    ['no such resource', { code: 404 }, 'GET', '/api/v1/things'],
    ['no such version', { code: 404 }, 'GET', '/apis/apps/v9/deployments'],
    ['no such path', { code: 404 }, 'GET', '/nope'],
    ['no such subresource', { code: 404 }, 'GET', `${CONFIG_MAPS}/x/status`],
    [
      'a method it has not',
      { code: 405, body: { reason: 'MethodNotAllowed' } },
      'PATCH',
      CONFIG_MAPS,
      '{}',
      json,
    ],
    ['to create nowhere', { code: 405 }, 'POST', '/api/v1/configmaps', config('x')],
    ['delete options of a wrong type', { code: 400 }, 'DELETE', `${CONFIG_MAPS}/big1`, { dryRun: {} }],
    [
      'a type named like a prototype',
      { code: 422 },
      'POST',
      '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices',
      { metadata: { name: 'x' }, addressType: '__proto__', endpoints: [{ addresses: ['1.2.3.4'] }] },
    ],
    ['a bad path', { code: 400 }, 'GET', '/api/v1/configmaps/%zz'],
    ['a bad limit', { code: 400 }, 'GET', `${CONFIG_MAPS}?limit=many`],
    ['a patch of no type', { code: 415 }, 'PATCH', `${CONFIG_MAPS}/big1`, '{}', json],
  ];
  for (const [name, expected, ...call] of cases) {
    const answer = await request(...call);
    t.match(answer, expected, name);
    t.match(answer.body, { kind: 'Status', status: 'Failure', code: answer.code }, name);
    t.notMatch(answer.text, /\.[jt]s:\d+/, `${name}: no stack trace`);
  }
  const warned = await request('POST', `${CONFIG_MAPS}?dryRun=All`, { ...config('x'), x: 1 });
  t.match(warned, { code: 201, headers: { warning: '299 - "unknown field \\"x\\""' } });
});

t.test('who may come in', async (t) => {
  const anonymous = { authorization: '' };
  t.match(await request('GET', CONFIG_MAPS, undefined, anonymous), {
    code: 401,
    body: { reason: 'Unauthorized' },
  });
  t.match(await request('GET', '/healthz', undefined, anonymous), { code: 200, text: 'ok' });
  t.match(await request('GET', '/version', undefined, { authorization: 'Bearer wrong-token-entirely' }), {
    code: 401,
  });
  const other = await (await certificateAuthority(testdir(t))).issue({
    commonName: 'admin',
    organizations: ['system:masters'],
    usage: 'client',
  });
  const agent = new Agent({ cert: other.certificate, key: other.key });
  t.match(
    await request('GET', '/version', undefined, anonymous, agent),
    { code: 401 },
    'a certificate of another CA',
  );
  const { port, hostname } = new URL(cluster.url);
  const socket = connect(Number(port), hostname);
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString();
  });
  await once(socket, 'close');
  t.match(text, /^HTTP\/1.1 400 [\s\S]*HTTP request to an HTTPS server/);
});

t.test('pods: binding, eviction, graceful deletion', async (t) => {
  const pods = '/api/v1/namespaces/default/pods';
  const pod = {
    metadata: { name: 'p' },
    spec: { containers: [{ name: 'c', image: 'i' }], terminationGracePeriodSeconds: 7 },
  };
  t.match(await request('POST', pods, pod), { code: 201 });
  const binding = { target: { kind: 'Node', name: 'n1' } };
  t.match(await request('POST', `${pods}/p/binding`, binding), { code: 201, body: { status: 'Success' } });
  t.match(await request('POST', `${pods}/p/binding`, binding), {
    code: 409,
    body: { message: /already assigned to node "n1"/ },
  });
  t.match(await request('POST', `${pods}/p/eviction`, { kind: 'Eviction', metadata: { name: 'p' } }), {
    code: 201,
  });
  t.match(await request('GET', `${pods}/p`), {
    body: { spec: { nodeName: 'n1' }, metadata: { deletionTimestamp: /Z$/, deletionGracePeriodSeconds: 7 } },
  });
  t.match(await request('DELETE', `${pods}/p`, { gracePeriodSeconds: 0 }), { code: 200 });
  t.match(await request('GET', `${pods}/p`), { code: 404 });
});

t.test('a watcher that does not read is cut off, the others are not', async (t) => {
  const path = `${CONFIG_MAPS}?watch=true&fieldSelector=metadata.name%3Dlarge`;
  const asleep = await cluster.stream(path);
  const awake = await cluster.stream(path);
  asleep.pause();
  const data = { x: 'x'.repeat(900_000) };
  await request('POST', CONFIG_MAPS, config('large', data));
  // More than the server keeps for one watcher, and the kernel's socket buffers.
  const count = 25;
  for (let i = 1; i < count; i += 1) {
    await request('PUT', `${CONFIG_MAPS}/large`, config('large', { ...data, count: String(i) }));
  }
  await eventually('all events for who reads', () => awake.lines.length === count);
  asleep.resume();
  await asleep.ended;
  t.ok(asleep.lines.length < count, `it got ${asleep.lines.length} events`);
  awake.close();
});

t.test('a HEAD leaves the connection to the next request', async (t) => {
  const { port } = cluster.kernel.service(ApiServer);
  const socket = tlsConnect({ host: '127.0.0.1', port, rejectUnauthorized: false });
  t.teardown(() => socket.destroy());
  let received = '';
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString();
  });
  socket.write('HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
  await eventually('the HEAD is answered', () => received.includes('\r\n\r\n'));
  socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
  await eventually('the GET is answered', () => received.endsWith('ok'));
  t.match(received, /^HTTP\/1\.1 200 OK/);
});

t.test('the API server is swapped while clients are connected', async (t) => {
  const watch = await cluster.stream(`${CONFIG_MAPS}?watch=true`);
  const agent = new Agent({ keepAlive: true });
  t.teardown(() => agent.destroy());
  t.match(await request('GET', CONFIG_MAPS, undefined, {}, agent), { code: 200 });
  const before = cluster.kernel.service(ApiServer).port;
  await cluster.kernel.swap('apiserver', standard('apiserver', { port: 0, address: '127.0.0.1' }));
  await watch.ended;
  t.match(await request('GET', CONFIG_MAPS), { code: 200 });
  t.equal(cluster.kernel.service(ApiServer).port, before);
});
