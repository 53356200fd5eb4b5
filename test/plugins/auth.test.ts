import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { Authenticator, CertificateAuthority } from 'orlop/plugin';
import t from 'tap';
import { authenticator } from '../../plugins/auth/authenticator.ts';
import { certificateAuthority } from '../../plugins/auth/ca.ts';
import auth from '../../plugins/auth/index.ts';
import { adminToken } from '../../plugins/auth/token.ts';
import { testKernel } from '../cluster.ts';

t.test('certificates it issues verify, and say who their holder is', async (t) => {
  const folder = t.testdir();
  const ca = await certificateAuthority(folder);
  const server = await ca.issue({
    commonName: 'orlop',
    usage: 'server',
    hosts: ['localhost', '127.0.0.1', '::1'],
  });
  const client = await ca.issue({
    commonName: 'amy, O=x',
    organizations: ['dev', 'system:masters'],
    usage: 'client',
  });
  const listener = createServer(
    {
      cert: server.certificate,
      key: server.key,
      ca: ca.certificate,
      requestCert: true,
      rejectUnauthorized: true,
    },
    (socket) => socket.end('hello'),
  ).listen(0, '127.0.0.1');
  t.teardown(() => listener.close());
  await once(listener, 'listening');
  const { port } = listener.address() as { port: number };
  const socket = connect({
    port,
    host: '127.0.0.1',
    ca: ca.certificate,
    cert: client.certificate,
    key: client.key,
  });
  const [[peer]] = (await Promise.all([once(listener, 'secureConnection'), once(socket, 'data')])) as [
    [TLSSocket],
    unknown,
  ];
  t.match(peer.getPeerCertificate().subject, { CN: 'amy, O=x', O: ['dev', 'system:masters'] });
  const mode = statSync(join(folder, 'ca.key')).mode & 0o777;
  t.equal(mode, 0o600);
  const root = new X509Certificate(ca.certificate);
  t.ok(root.ca && root.checkIssued(root));
  t.ok(new X509Certificate(server.certificate).verify(root.publicKey));

  const again = await certificateAuthority(folder);
  t.equal(again.certificate, ca.certificate, 'the CA outlives the process');
  const other = await again.issue({ commonName: 'x', usage: 'client' });
  t.ok(new X509Certificate(other.certificate).verify(root.publicKey));
});

t.test('half a CA is refused rather than replaced', async (t) => {
  const folder = t.testdir({ 'ca.crt': 'x' });
  await t.rejects(certificateAuthority(folder), { message: /restore .*ca\.key from a backup/ });
});

t.test('only the right token is the administrator', async (t) => {
  const folder = t.testdir();
  const token = adminToken(folder);
  t.equal(adminToken(folder), token);
  t.equal(statSync(join(folder, 'admin-token')).mode & 0o777, 0o600);
  const { authenticate } = authenticator(token);
  t.same(authenticate({ token }), {
    username: 'kubernetes-admin',
    groups: ['system:masters', 'system:authenticated'],
  });
  for (const wrong of ['', 'x', `${token}x`, token.slice(1)])
    t.equal(authenticate({ token: wrong }), undefined);
  t.equal(authenticate({}), undefined);
  t.same(authenticate({ certificate: { commonName: 'amy', organizations: ['dev'] } }), {
    username: 'amy',
    groups: ['dev', 'system:authenticated'],
  });
});

t.test('the plugin provides both', async (t) => {
  const config = { auth: { adminToken: 'sixteen-characters' } };
  const kernel = await testKernel(t, { plugins: [auth], config });
  const user = await kernel.service(Authenticator).authenticate({ token: 'sixteen-characters' });
  t.equal(user?.username, 'kubernetes-admin');
  t.match(kernel.service(CertificateAuthority).certificate, /BEGIN CERTIFICATE/);
  await kernel.stop();
  await t.rejects(kernel.restart({ config: { auth: { adminToken: 'short' } } }), {
    message: /adminToken: must match/,
  });
});
