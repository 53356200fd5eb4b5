/** An embedded NATS server that listens beyond loopback, and who may connect to it. */
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import t, { type Test } from 'tap';
import type { NatsServer } from '../../kernel/nats/index.ts';
import { type Embedded, embeddedNats } from '../../plugins/cli/nats/embedded.ts';
import { externalNats } from '../../plugins/cli/nats/external.ts';
import { greeting } from '../../plugins/cli/nats/greeting.ts';
import { parseListen } from '../../plugins/cli/nats/listen.ts';
import { startNats } from '../../plugins/cli/nats/server/index.ts';
import { freePorts } from '../../plugins/cli/nats/server/probe.ts';
import { serverTls } from '../../plugins/cli/nats/tls.ts';
import { stablePorts } from '../../plugins/cli/ports.ts';
import { until } from '../e2e/orlop.ts';
import { binary, quiet, temporaryFolder } from './nats.ts';

t.test('where to listen', async (t) => {
  for (const [text, place] of [
    ['0.0.0.0', { host: '0.0.0.0', port: 4222 }],
    ['10.0.0.5:5000', { host: '10.0.0.5', port: 5000 }],
    ['[::]:5000', { host: '::', port: 5000 }],
    ['::1', { host: '::1', port: 4222 }],
    ['server.example', { host: 'server.example', port: 4222 }],
  ] as const) {
    t.same(parseListen(text), place, text);
  }
  for (const bad of ['', ':4222', 'a:0', 'a:65536', 'a/b', 'u@a', 'a:4222?x', 'nats://a:1'])
    t.throws(() => parseListen(bad), { message: /--nats-listen .* is not of the form/ }, bad);
});

t.test('the certificate is kept, and made anew when it will not do', async (t) => {
  const folder = temporaryFolder(t);
  const names = ['localhost', '127.0.0.1', 'fd00::2'];
  const { file, ca, pin, renew } = await serverTls(folder, names);
  t.equal(statSync(file).mode & 0o777, 0o600);
  const first = readFileSync(file, 'utf8');
  const again = await serverTls(folder, names);
  t.same([again.ca, again.pin, readFileSync(file, 'utf8')], [ca, pin, first], 'a restart changes nothing');
  t.equal(await renew([...names, '198.51.100.7']), true, 'an address is missing');
  t.equal(await renew([...names, '198.51.100.7']), false);
  writeFileSync(file, first.slice(0, 100));
  t.equal(await renew(names), true, 'the file is cut short');
  t.equal((await serverTls(folder, names)).pin, pin, 'all of the same CA');
  writeFileSync(file, readFileSync((await serverTls(temporaryFolder(t), names)).file));
  t.equal(await renew(names), true, 'another CA signed it');
});

interface Listening {
  nats: NatsServer;
  embedded: Embedded;
  /** What a node gets. */
  address: string;
}

async function listen(t: Test, text: string, dataDir: string, replicas?: 1 | 3): Promise<Listening> {
  const embedded = await embeddedNats(text, dataDir);
  const { listen, tls } = embedded;
  const nats = await startNats({ dataDir, binary, log: quiet, listen, tls, replicas });
  t.teardown(() => nats.stop());
  return { nats, embedded, address: await embedded.address(nats) };
}

t.test('beyond loopback', async (t) => {
  const dataDir = temporaryFolder(t);
  const [port] = (await stablePorts(1)) as [number];
  const { nats, embedded, address } = await listen(t, `0.0.0.0:${port}`, dataDir);
  const local = address.replace(/@[^:]*:/, '@127.0.0.1:');
  const join = async (url: string, ca?: string): Promise<NatsServer> =>
    await startNats({ ...(await externalNats(url, ca)), dataDir: temporaryFolder(t), log: quiet });

  await t.test('who has the address joins, by TLS', async (t) => {
    const own = await nats.connect('own');
    t.match(own.info, { tls_required: true, jetstream: true });
    await own.close();
    for (const url of [address, local, local.replace('127.0.0.1', hostname())]) {
      const node = await (await join(url)).connect('node');
      t.match(node.info, { tls_required: true }, url);
      await node.close();
    }
    await join(local.replace(/\?.*/, ''), `${dataDir}/nats/tls/ca.crt`);
  });

  await t.test('who has less is told what to do', async (t) => {
    const bare = local.replace(/\?.*/, '');
    const other = await serverTls(temporaryFolder(t), ['localhost']);
    const foreign = `${temporaryFolder(t)}/ca.crt`;
    writeFileSync(foreign, other.ca);
    for (const [url, ca, message] of [
      [bare.replace('tls:', 'nats:'), undefined, /wants TLS.*Use the line that `orlop server` prints/],
      [bare, undefined, /is not trusted: SELF_SIGNED_CERT_IN_CHAIN.*\?ca=sha256/],
      [bare, foreign, /is not trusted: .*--nats-ca FILE/],
      [`${bare}?ca=${other.pin}`, undefined, /has another CA than sha256:.*prints there now/],
      [`${bare}?ca=sha256:12`, undefined, /not of the form sha256: and 64 digits/],
      [local.replace('tls:', 'nats:'), undefined, /is for tls:\/\/ addresses/],
      [local, foreign, /two ways to name the CA/],
      [bare, '/etc/hosts', /--nats-ca \/etc\/hosts is no certificate/],
      [local.replace(/:[^:]*@/, ':wrong@'), undefined, /Authorization Violation.*its credentials/],
      [local.replace(`:${port}`, ':1'), undefined, /no NATS server answers at 127.0.0.1:1: .*ECONNREFUSED/],
    ] as const) {
      await t.rejects(join(url, ca), { message }, url);
    }
    // Somebody in between, who shows the true CA with a certificate that is not of it.
    const [own, pem] = [readFileSync(`${dataDir}/nats/tls/ca.crt`, 'utf8'), readFileSync(other.file, 'utf8')];
    const forged = `${temporaryFolder(t)}/server.pem`;
    writeFileSync(forged, pem.replace(other.ca, own));
    const impostor = await startNats({
      ...{ dataDir: temporaryFolder(t), binary, log: quiet, tls: { ca: other.ca, servername: 'localhost' } },
      listen: { host: '127.0.0.1', port: 0, tls: forged },
    });
    t.teardown(() => impostor.stop());
    const { port: there } = new URL(impostor.connection.servers[0]!);
    await t.rejects(join(local.replace(`:${port}`, `:${there}`)), {
      message: /No connection to NATS at tls:.*certificate/,
    });
    const plain = await startNats({ dataDir: temporaryFolder(t), binary, log: quiet });
    t.teardown(() => plain.stop());
    const to = plain.connection.servers[0]!.replace('nats:', 'tls:');
    await t.rejects(join(to), { message: /does not use TLS. Use nats:\/\/.*--nats-listen/ });
    await t.rejects(startNats({ url: to, dataDir: temporaryFolder(t), log: quiet }), { message: /TLS|tls/ });
  });

  await t.test('a renewed certificate ends no connection, and the next ones get it', async (t) => {
    let reconnects = 0;
    const external = await externalNats(local, undefined);
    const before = await (await join(local)).connect('before');
    t.teardown(() => before.close());
    const reconnected = (async () => {
      for await (const { type } of before.status()) if (type === 'reconnect') return ++reconnects;
    })();
    const serial = async (): Promise<string | undefined> =>
      (await greeting('127.0.0.1', port, external.tls!)).chain[0]?.serialNumber;
    const old = await serial();
    const stop = embedded.keep(nats, quiet, 200);
    t.teardown(stop);
    rmSync(`${dataDir}/nats/tls/server.pem`);
    await until('the server has another certificate', 10_000, async () => (await serial()) !== old);
    stop();
    await before.flush();
    t.equal(reconnects, 0, 'nothing was cut');
    t.equal((await greeting('127.0.0.1', port, external.tls!)).distrust, undefined, 'its CA is the same');
    process.kill(nats.pid!, 'SIGKILL');
    t.equal(await reconnected, 1, 'it comes back with the CA that it has');
    await before.flush();
  });

  await t.test('a port that is taken', async (t) => {
    await t.rejects(listen(t, `0.0.0.0:${port}`, temporaryFolder(t)), {
      message: /nats-server has no port: .*EADDRINUSE.*choose another/,
    });
  });
});

t.test('a fixed port on loopback has no TLS', async (t) => {
  const [port] = (await stablePorts(1)) as [number];
  const dataDir = temporaryFolder(t);
  const { nats, address } = await listen(t, `127.0.0.1:${port}`, dataDir);
  t.match(address, new RegExp(`^nats://orlop:[^@]+@127.0.0.1:${port}$`));
  const connection = await nats.connect('test');
  t.notOk(connection.info?.tls_required);
  await connection.close();
  await nats.stop();
  const again = await listen(t, `127.0.0.1:${port}`, dataDir);
  t.equal(again.address, address, 'nodes find it again');
});

t.test('three servers have ports in a row', async (t) => {
  const port = await threePorts();
  const { nats, address } = await listen(t, `0.0.0.0:${port}`, temporaryFolder(t), 3);
  const ports = [port, port + 1, port + 2];
  t.same(
    [...address.matchAll(/:(\d+)(?=[,?])/g)].map(([, each]) => Number(each)),
    ports,
    address,
  );
  const joined = await startNats({
    ...(await externalNats(address, undefined)),
    dataDir: temporaryFolder(t),
    log: quiet,
  });
  const connection = await joined.connect('node');
  t.teardown(() => connection.close());
  const mine = ports.indexOf(Number(new URL(`nats://${connection.getServer()}`).port));
  process.kill(nats.pids[mine]!, 'SIGKILL');
  for await (const { type } of connection.status()) if (type === 'reconnect') break;
  await connection.flush();
});

async function threePorts(): Promise<number> {
  for (;;) {
    const [port] = (await stablePorts(1)) as [number];
    const next = [port + 1, port + 2].map((each) => freePorts('0.0.0.0', 1, each));
    if ((await Promise.allSettled(next)).every(({ status }) => status === 'fulfilled')) return port;
  }
}
