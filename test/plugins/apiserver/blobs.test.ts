/** Blobs by the API: streamed both ways, for those who are authenticated, and never half. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { CertificateAuthority } from 'orlop/plugin';
import t from 'tap';
import { eventually } from '../../cluster.ts';
import { testApi } from './cluster.ts';

const PATH = '/apis/orlop.dev/v1/blobs';
const MIB = 1024 * 1024;
const api = await testApi(t);
const ca = api.kernel.service(CertificateAuthority);
const client = await ca.issue({ commonName: 'admin', organizations: ['system:masters'], usage: 'client' });

function open(method: string, path = PATH, withCredentials = true): ClientRequest {
  const { certificate: cert, key } = client;
  const credentials = withCredentials ? { cert, key } : {};
  return request(`${api.url}${path}`, { method, ca: ca.certificate, agent: false, ...credentials });
}

async function answer(outgoing: ClientRequest): Promise<{ code: number; bytes: Buffer }> {
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { code: response.statusCode ?? 0, bytes: Buffer.concat(chunks) };
}

async function chunksStored(): Promise<number> {
  const connection = await api.kernel.nats.connect('chunks');
  try {
    const manager = await connection.jetstreamManager();
    return (await manager.streams.info('OBJ_orlop-blobs')).state.messages;
  } finally {
    await connection.close();
  }
}

t.test('what is posted can be got', async (t) => {
  const bytes = randomBytes(5 * MIB);
  const digest = `sha256-${createHash('sha256').update(bytes).digest('hex')}`;
  const post = open('POST');
  post.end(bytes);
  const made = await answer(post);
  t.equal(made.code, 201);
  t.same(JSON.parse(made.bytes.toString()), { digest, size: bytes.length });
  t.ok((await answer(open('GET', `${PATH}/${digest}`).end())).bytes.equals(bytes));
  t.match(await api.request('GET', `${PATH}/sha256-${'0'.repeat(64)}`), {
    code: 404,
    body: { kind: 'Status', reason: 'NotFound' },
  });
  t.match(await api.request('GET', PATH), { code: 405, body: { message: /POST bytes to/ } });
  t.match(await api.request('PUT', `${PATH}/${digest}`, ''), { code: 405 });
  t.equal((await answer(open('GET', `${PATH}/${digest}`, false).end())).code, 401);
});

t.test('who is nobody stores nothing', async (t) => {
  const before = await chunksStored();
  const post = open('POST', PATH, false);
  post.once('error', () => undefined);
  post.write(randomBytes(2 * MIB));
  t.equal((await answer(post)).code, 401);
  post.destroy();
  t.equal(await chunksStored(), before);
});

t.test('an upload that breaks off leaves nothing', async (t) => {
  const before = await chunksStored();
  const post = open('POST');
  post.once('error', () => undefined);
  post.write(randomBytes(4 * MIB));
  await eventually('some of it is stored', async () => (await chunksStored()) > before + 4);
  post.destroy();
  t.ok(await eventually('and removed', async () => (await chunksStored()) === before));
});

t.test('an upload is stored as it comes, and no faster than that', async (t) => {
  const post = open('POST');
  const before = await chunksStored();
  post.write(randomBytes(MIB));
  await eventually(
    'its beginning is stored before its end is there',
    async () => (await chunksStored()) >= before + 3,
  );
  post.end();
  t.equal((await answer(post)).code, 201);
});

t.test('a damaged blob breaks off', async (t) => {
  const { digest } = await api.kernel.blobs.put(randomBytes(2 * MIB));
  const connection = await api.kernel.nats.connect('damage');
  const manager = await connection.jetstreamManager();
  const { state } = await manager.streams.info('OBJ_orlop-blobs');
  // The last but one is its last chunk: the meta comes after.
  await manager.streams.deleteMessage('OBJ_orlop-blobs', state.last_seq - 1);
  await connection.close();
  const get = open('GET', `${PATH}/${digest}`).end();
  await t.rejects(answer(get), { code: 'ECONNRESET' });
});

t.test('a reader that goes away is noticed', async (t) => {
  const { digest } = await api.kernel.blobs.put(randomBytes(8 * MIB));
  const get = open('GET', `${PATH}/${digest}`).end();
  const [response] = (await once(get, 'response')) as [IncomingMessage];
  await once(response, 'readable');
  response.destroy();
  await sleep(50);
  t.equal((await api.request('GET', '/readyz')).code, 200);
});

t.test('a Plugin names a blob rightly or not at all', async (t) => {
  const plugin = {
    apiVersion: 'orlop.dev/v1',
    kind: 'Plugin',
    metadata: { name: 'p' },
    spec: { module: 'blob:sha256-12' },
  };
  t.match(await api.request('POST', '/apis/orlop.dev/v1/plugins', plugin), {
    code: 422,
    body: {
      message: /spec\.module: Invalid value: "blob:sha256-12": must be "blob:sha256-" and 64 hexadecimal/,
    },
  });
});
