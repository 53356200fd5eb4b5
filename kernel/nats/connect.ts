import { connect, type NatsConnection } from 'nats';
import { StatusError } from '../contract/index.ts';
import { hearLateErrors } from './transport.ts';

hearLateErrors();

/** How the server's certificate is verified: TLS is then a must. */
export interface Tls {
  /** PEM; absent: the CAs that Node knows. */
  ca?: string | undefined;
  /** The name in the certificate; absent: that of the server's address. */
  servername?: string | undefined;
}

/** How to reach the server; structured-cloneable, so that it can be handed to a worker. */
export interface Connection {
  servers: string[];
  user?: string | undefined;
  pass?: string | undefined;
  /** Absent: without TLS, or with it and a certificate of a public CA if the server wants that. */
  tls?: Tls | undefined;
  /** Copies of each stream there should be. */
  replicas?: 1 | 3 | undefined;
}

/** Connects, and reconnects for ever. `name` shows in the server's connection list. Throws `ServiceUnavailable`. */
export async function connectTo(connection: Connection, name: string): Promise<NatsConnection> {
  const { servers, user, pass, tls } = connection;
  try {
    return await connect({
      servers,
      name,
      ...(user === undefined ? {} : { user }),
      ...(pass === undefined ? {} : { pass }),
      ...(tls && { tls: { ...tls } }),
      maxReconnectAttempts: -1,
      reconnectTimeWait: 50,
      reconnectJitter: 50,
      reconnectJitterTLS: 50,
      pingInterval: 10_000,
      maxPingOut: 2,
      ignoreAuthErrorAbort: true,
      noAsyncTraces: true,
      timeout: 10_000,
    });
  } catch (error) {
    const text = `No connection to NATS at ${servers.join(', ')}: ${(error as Error).message}. Check that it runs, its address and its credentials.`;
    throw new StatusError('ServiceUnavailable', text, {}, { cause: error });
  }
}
