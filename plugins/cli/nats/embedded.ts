import type { Logger } from 'orlop/plugin';
import type { NatsServer, Tls } from '../../../kernel/nats/index.ts';
import { isLoopback, namesOf, parseListen, reachedAt } from './listen.ts';
import type { Listen } from './server/index.ts';
import { SERVER_NAME, serverTls } from './tls.ts';

const DAY_MS = 24 * 3_600_000;

/** An embedded NATS server that listens where the user says, with TLS when that is beyond loopback. */
export interface Embedded {
  /** For the kernel. */
  listen: Listen;
  tls?: Tls | undefined;
  /** What `orlop node --nats` takes to join: with user and password, whoever has it is a part of the cluster. */
  address(nats: NatsServer): Promise<string>;
  /** Looks after the certificate, each day by default: the servers take a new one without ending a connection. Returns what ends it. */
  keep(nats: NatsServer, log: Logger, everyMs?: number): () => void;
}

/** `text`: that of `--nats-listen`. Makes the certificate in the data folder if there is none. */
export async function embeddedNats(text: string, data: string): Promise<Embedded> {
  const { host, port } = parseListen(text);
  if (isLoopback(host)) {
    const address = async (nats: NatsServer): Promise<string> => addressOf(nats, host, 'nats');
    return { listen: { host, port }, address, keep: () => () => undefined };
  }
  const { file, ca, pin, renew } = await serverTls(data, namesOf(host));
  return {
    listen: { host, port, tls: file },
    tls: { ca, servername: SERVER_NAME },
    address: async (nats) => `${addressOf(nats, await reachedAt(host), 'tls')}?ca=${pin}`,
    keep(nats, log, everyMs = DAY_MS) {
      const look = async (): Promise<void> => {
        if (!(await renew(namesOf(host)))) return;
        log.info('the certificate of the NATS server was renewed', { file });
        for (const pid of nats.pids) if (pid !== undefined) process.kill(pid, 'SIGHUP');
      };
      const timer = setInterval(() => {
        look().catch((error: Error) =>
          log.error('the certificate of the NATS server was not renewed; it is tried again', {
            error: error.message,
          }),
        );
      }, everyMs).unref();
      return () => clearInterval(timer);
    },
  };
}

/** Of all its servers, separated by commas. */
export function addressOf({ connection }: NatsServer, host: string, scheme: string): string {
  const { servers, user = '', pass = '' } = connection;
  const name = host.includes(':') ? `[${host}]` : host;
  const places = servers.map((server) => `${name}:${new URL(server).port}`);
  return `${scheme}://${user}:${pass}@${places.join(`,${scheme}://`)}`;
}
