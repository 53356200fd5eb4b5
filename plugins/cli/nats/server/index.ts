import { join } from 'node:path';
import { type Logger, StatusError } from 'orlop/plugin';
import type { KernelOptions } from '../../../../kernel/kernel.ts';
import { type Connection, connectTo, type NatsServer, type Tls } from '../../../../kernel/nats/index.ts';
import { tooOld } from '../../../../kernel/nats/version.ts';
import { type Listen, LOOPBACK, loadCredentials } from './config.ts';
import { type Replicas, replicasOf, startServers } from './servers.ts';

export type { Listen } from './config.ts';
export type { Replicas } from './servers.ts';

interface Embedded {
  binary: string;
  /** Default: on loopback, at a free port. */
  listen?: Listen | undefined;
}

/** Which NATS: the path of a nats-server to embed, or an external one, e.g. `nats://user:pass@host:4222` or `tls://`, several separated by commas. */
export type NatsChoice = (Embedded | { url: string }) & {
  /** Of the connections to it, to the embedded one with TLS too. */
  tls?: Tls | undefined;
  /**
   * Copies of each stream. 3: three embedded servers, one JetStream cluster, go on when one of them dies; `Conflict` in a folder of one.
   * Absent: what the folder has, 1 in a new one.
   */
  replicas?: Replicas | undefined;
};

type NatsOptions = NatsChoice & {
  /** The embedded server keeps everything in `dataDir/nats`. */
  dataDir: string;
  log: Logger;
};

/** For `startKernel`. */
export function natsBy(choice: NatsChoice): KernelOptions['nats'] {
  return (o) => startNats({ ...choice, ...o });
}

/** Starts and supervises an embedded nats-server, or checks an external one. Throws `ServiceUnavailable`. */
export async function startNats(o: NatsOptions): Promise<NatsServer> {
  return 'url' in o ? await useExternal(o.url, o) : await startEmbedded(o);
}

async function startEmbedded(o: NatsOptions & Embedded): Promise<NatsServer> {
  const folder = join(o.dataDir, 'nats');
  const replicas = replicasOf(folder, o.replicas);
  const credentials = loadCredentials(folder);
  const { listen = { host: LOOPBACK, port: 0 }, binary, log, tls } = o;
  const servers = await startServers({ binary, folder, listen, credentials, log }, replicas);
  const urls = servers.map(({ host, port }) => `nats://${host.includes(':') ? `[${host}]` : host}:${port}`);
  const connection = { servers: urls, ...credentials, tls, replicas };
  return {
    connection,
    get pid() {
      return servers[0]!.pid;
    },
    get pids() {
      return servers.map(({ pid }) => pid);
    },
    connect: (name) => connectTo(connection, name),
    trouble() {
      const troubles = servers.flatMap(({ trouble }) => trouble ?? []);
      return troubles.length * 2 > servers.length ? troubles[0] : undefined;
    },
    streamsMade: () => {
      for (const { staging } of servers) staging.link();
    },
    stop: async () => void (await Promise.all(servers.map((server) => server.stop()))),
  };
}

async function useExternal(url: string, { replicas, tls }: NatsOptions): Promise<NatsServer> {
  const connection = { ...parseUrls(url), ...(tls && { tls }), ...(replicas && { replicas }) };
  const probe = await connectTo(connection, 'orlop probe');
  try {
    const { version, jetstream } = probe.info!;
    const off = jetstream ? undefined : 'JetStream is off: add a "jetstream {}" block to its configuration.';
    const why = tooOld(version) ?? off;
    if (why) throw new StatusError('ServiceUnavailable', `${connection.servers.join(', ')}: ${why}`);
  } finally {
    await probe.close();
  }
  return {
    connection,
    pid: undefined,
    pids: [],
    connect: (name) => connectTo(connection, name),
    trouble: () => undefined,
    streamsMade: () => undefined,
    stop: async () => undefined,
  };
}

/** Takes user and password out of the addresses. */
function parseUrls(text: string): Connection {
  const urls = text.split(',').map((part) => {
    const url = part.includes('://') ? part.trim() : `nats://${part.trim()}`;
    if (URL.canParse(url)) return new URL(url);
    throw new StatusError('BadRequest', `"${part}" is no NATS address: use nats://host:port`);
  });
  const named = urls.find((url) => url.username !== '');
  return {
    servers: urls.map((url) => `${url.protocol}//${url.hostname}:${url.port || '4222'}`),
    ...(urls.some(({ protocol }) => protocol === 'tls:') && { tls: {} }),
    ...(named && { user: decodeURIComponent(named.username), pass: decodeURIComponent(named.password) }),
  };
}
