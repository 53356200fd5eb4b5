import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { CertificateAuthority } from 'orlop/plugin';
import t from 'tap';
import { certificateAuthority } from '../../plugins/ca/ca.ts';
import ca from '../../plugins/ca/index.ts';
import { testKernel } from '../cluster.ts';
import { testdir } from '../testdir.ts';

t.test('certificates it issues verify, and say who their holder is', async (t) => {
  const folder = testdir(t);
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
  const folder = testdir(t, { 'ca.crt': 'x' });
  await t.rejects(certificateAuthority(folder), { message: /restore .*ca\.key from a backup/ });
});

t.test('a CA kept by the plugin auth, as it was until version 1.0.0, is taken over', async (t) => {
  for (const halves of [[], ['ca.key'], ['ca.crt']]) {
    const dataDir = testdir(t);
    const [before, now] = [join(dataDir, 'plugins/auth'), join(dataDir, 'plugins/ca')];
    for (const folder of [before, now]) mkdirSync(folder, { recursive: true });
    const { certificate } = await certificateAuthority(before);
    // A crash came between the two.
    for (const file of halves) renameSync(join(before, file), join(now, file));
    const kernel = await testKernel(t, { plugins: [ca], dataDir });
    const authority = kernel.service(CertificateAuthority);
    t.equal(authority.certificate, certificate);
    const issued = await authority.issue({ commonName: 'amy', usage: 'client' });
    t.ok(new X509Certificate(issued.certificate).verify(new X509Certificate(certificate).publicKey));
    t.notOk(
      existsSync(join(before, 'ca.key')) || existsSync(join(before, 'ca.crt')),
      'and is there no longer',
    );
    t.equal(statSync(join(now, 'ca.key')).mode & 0o777, 0o600);
    await kernel.stop();
  }
});

t.test('a CA of its own is not mixed with another that lies where it used to be', async (t) => {
  const dataDir = testdir(t);
  const [before, now] = [join(dataDir, 'plugins/auth'), join(dataDir, 'plugins/ca')];
  for (const folder of [before, now]) mkdirSync(folder, { recursive: true });
  await certificateAuthority(before);
  const { certificate } = await certificateAuthority(now);
  const kernel = await testKernel(t, { plugins: [ca], dataDir });
  t.equal(kernel.service(CertificateAuthority).certificate, certificate);
  t.ok(existsSync(join(before, 'ca.key')));
});
