import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { tooOld } from '../../kernel/nats/version.ts';
import { parseDeb822, parseOneLine } from '../../plugins/cli/nats/aptsources.ts';
import { findServer } from '../../plugins/cli/nats/binary.ts';
import { startNats } from '../../plugins/cli/nats/server/index.ts';
import { embedded } from './nats.ts';

const log = { debug() {}, info() {}, warn() {}, error() {} };
const options = { ...embedded, log };

function folder(t: Test): string {
  const dataDir = mkdtempSync(join(tmpdir(), 'orlop-nats-'));
  t.teardown(() => rmSync(dataDir, { recursive: true, force: true }));
  return dataDir;
}

t.test('versions', async (t) => {
  t.match(tooOld('2.9.10'), /lose acknowledged writes/);
  t.match(tooOld('2.10.27'), /atomic batches/);
  t.match(tooOld('2.11.9'), /too old/);
  t.equal(tooOld('2.12.0'), undefined);
  t.equal(tooOld('3.0.0'), undefined);
});

t.test('apt sources', async (t) => {
  const deb822 = `# comment
Types: deb
URIs: http://mirror.test/debian http://second.test/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.test/debian-security
Suites: bookworm-security
Components: main

Types: deb
URIs: http://other.test/
Suites: nodistro
Components: main
`;
  t.strictSame(
    parseDeb822(deb822).map((source) => source.uri),
    ['http://mirror.test/debian', 'http://second.test/debian'],
  );
  t.strictSame(
    parseOneLine(
      '# deb http://no.test x main\ndeb [arch=amd64 signed-by=/k.gpg] http://mirror.test/debian bookworm main contrib\n',
    ),
    [{ uri: 'http://mirror.test/debian', signedBy: '/k.gpg' }],
  );
});

t.test('an embedded server', async (t) => {
  const dataDir = folder(t);
  const server = await startNats({ ...options, dataDir });
  t.teardown(() => server.stop());
  const connection = await server.connect('test');
  t.equal(connection.info?.jetstream, true);
  t.equal(statSync(join(dataDir, 'nats/credentials.json')).mode & 0o777, 0o600);
  t.equal(statSync(join(dataDir, 'nats/nats-server.conf')).mode & 0o777, 0o600);

  await t.test('comes back on the same port after kill -9', async (t) => {
    const before = server.pid!;
    const reconnected = (async () => {
      for await (const status of connection.status()) if (status.type === 'reconnect') return;
    })();
    process.kill(before, 'SIGKILL');
    await reconnected;
    t.not(server.pid, before);
    await connection.flush();
  });
  await connection.close();

  await t.test('is stopped by the next start when its kernel was killed', async (t) => {
    const other = folder(t);
    const orphan = await startNats({ ...options, dataDir: other });
    t.teardown(() => orphan.stop());
    const pid = orphan.pid!;
    t.match(readFileSync(join(other, 'nats/nats-server.pid'), 'utf8'), String(pid));
    const successor = await startNats({ ...options, dataDir: other });
    await successor.stop();
    t.throws(() => process.kill(pid, 0), { code: 'ESRCH' }, 'it is gone');
  });

  await t.test('a pid that is another program is left alone', async () => {
    const other = folder(t);
    const first = await startNats({ ...options, dataDir: other });
    await first.stop();
    writeFileSync(join(other, 'nats/nats-server.pid'), String(process.pid));
    const second = await startNats({ ...options, dataDir: other });
    await second.stop();
  });
});

t.test('an external server', async (t) => {
  const embedded = await startNats({ ...options, dataDir: folder(t) });
  t.teardown(() => embedded.stop());
  const { user, pass, servers } = embedded.connection;
  const url = servers[0]!.replace('nats://', `nats://${user}:${pass}@`);
  const external = await startNats({ log, dataDir: folder(t), url });
  const connection = await external.connect('test');
  await connection.close();
  await t.rejects(startNats({ log, dataDir: folder(t), url: 'nats://127.0.0.1:1' }), {
    reason: 'ServiceUnavailable',
    message: /127\.0\.0\.1:1/,
  });
});

t.test('a server named by ORLOP_NATS_SERVER that does not run is refused', async (t) => {
  process.env['ORLOP_NATS_SERVER'] = '/bin/false';
  t.teardown(() => delete process.env['ORLOP_NATS_SERVER']);
  await t.rejects(findServer(folder(t), console.error), {
    message: /ORLOP_NATS_SERVER is \/bin\/false/,
  });
});
