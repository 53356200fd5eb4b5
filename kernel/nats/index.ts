import { join } from 'node:path';
import type { NatsConnection } from 'nats';
import { type Logger, StatusError } from '../contract/index.ts';
import { loadCredentials } from './config.ts';
import { type Connection, connectTo } from './connect.ts';
import { type Replicas, replicasOf, startServers } from './servers.ts';
import { tooOld } from './version.ts';

export { type Connection, connectTo } from './connect.ts';
export type { Replicas } from './servers.ts';

export interface NatsServer {
  /** How to reach it, for workers too: structured-cloneable, for `connectTo`. */
  readonly connection: Connection;
  /** The embedded server's process id; `undefined` for an external one. */
  readonly pid: number | undefined;
  /** Those of all embedded servers, in the order of their names. */
  readonly pids: readonly (number | undefined)[];
  connect(name: string): Promise<NatsConnection>;
  /** Why an embedded server, or most of three, cannot write, and what to do; it is started again once it can. */
  trouble(): string | undefined;
  /** Tells the embedded servers that streams may have been made: see `Staging`. */
  streamsMade(): void;
  /** Stops an embedded server; the connections are their owners' to close, before. */
  stop(): Promise<void>;
}

/** Which NATS: the path of a nats-server to embed, or an external one, e.g. `nats://user:pass@host:4222`, several separated by commas. */
export type NatsChoice = ({ binary: string } | { url: string }) & {
  /**
   * Copies of each stream. 3: three embedded servers, one JetStream cluster, go on when one of them dies; `Conflict` in a folder of one.
   * Absent: what the folder has, 1 in a new one.
   */
  replicas?: Replicas | undefined;
};

export type NatsOptions = NatsChoice & {
  /** The embedded server keeps everything in `dataDir/nats`. */
  dataDir: string;
  log: Logger;
};

/** Starts and supervises an embedded nats-server, or checks an external one. Throws `ServiceUnavailable`. */
export async function startNats(o: NatsOptions): Promise<NatsServer> {
  return 'url' in o ? await useExternal(o.url, o) : await startEmbedded(o.binary, o);
}

async function startEmbedded(binary: string, o: NatsOptions): Promise<NatsServer> {
  const folder = join(o.dataDir, 'nats');
  const replicas = replicasOf(folder, o.replicas);
  const credentials = loadCredentials(folder);
  const servers = await startServers({ binary, folder, replicas, credentials, log: o.log });
  const urls = servers.map(({ port }) => `nats://127.0.0.1:${port}`);
  const connection = { servers: urls, ...credentials, replicas };
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

async function useExternal(url: string, { replicas }: NatsOptions): Promise<NatsServer> {
  const connection = { ...parseUrls(url), ...(replicas && { replicas }) };
  const probe = await connectTo(connection, 'orlop probe');
  try {
    const { version, jetstream } = probe.info!;
    const why = tooOld(version);
    if (why) throw new StatusError('ServiceUnavailable', `${connection.servers.join(', ')}: ${why}`);
    if (!jetstream)
      throw new StatusError(
        'ServiceUnavailable',
        `JetStream is off at ${connection.servers.join(', ')}: add a "jetstream {}" block to its configuration.`,
      );
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
    try {
      return new URL(part.includes('://') ? part.trim() : `nats://${part.trim()}`);
    } catch (error) {
      throw new StatusError(
        'BadRequest',
        `"${part}" is no NATS address: use nats://host:port`,
        {},
        { cause: error },
      );
    }
  });
  const named = urls.find((url) => url.username !== '');
  return {
    servers: urls.map((url) => `${url.protocol}//${url.hostname}:${url.port || '4222'}`),
    ...(named && { user: decodeURIComponent(named.username), pass: decodeURIComponent(named.password) }),
  };
}
