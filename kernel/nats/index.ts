import type { NatsConnection } from 'nats';
import type { Connection } from './connect.ts';

export { type Connection, connectTo, type Tls } from './connect.ts';

/** The NATS under a kernel: a server embedded by whoever starts the kernel, or an external one. */
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
  /** Tells embedded servers that streams may have been made. */
  streamsMade(): void;
  /** Stops an embedded server; the connections are their owners' to close, before. */
  stop(): Promise<void>;
}
