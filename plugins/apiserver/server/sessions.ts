import { setMaxListeners } from 'node:events';
import type { Socket } from 'node:net';
import { type BusClient, type Context, Lasting } from 'orlop/plugin';

/** Of what a ticket stands for. */
const SCHEMA = 1;

/** Logs, sessions in containers and proxied requests: they go on when another instance takes over, and end with the last. */
export interface Sessions {
  /** Of the present instance. */
  bus: BusClient;
  /** Ends them all. */
  readonly abort: AbortController;
  /** Their connections. */
  readonly sockets: Set<Socket>;
}

/** As one of several instances holds them. */
export interface HeldSessions {
  readonly sessions: Sessions;
  /** For the instance's `drain` and `resume`. */
  drain(): { schema: number; state: string };
  resume(): void;
  /** Whether no other instance goes on with them. */
  release(): boolean;
  /** After all else: ends what is left of them, also of predecessors, where none goes on. */
  end(): void;
}

/** The predecessor's, if there is one in this thread. */
export function holdSessions({ bus, inherited }: Pick<Context, 'bus' | 'inherited'>): HeldSessions {
  const ticket = inherited?.schema === SCHEMA ? inherited.state : undefined;
  const lasting =
    Lasting.take<Sessions>(ticket) ??
    new Lasting<Sessions>({ bus, abort: new AbortController(), sockets: new Set() });
  const sessions = lasting.value;
  sessions.bus = bus;
  // Each listens to it.
  setMaxListeners(0, sessions.abort.signal);
  let isLast: boolean | undefined;
  const release = (): boolean => (isLast ??= lasting.release());
  return {
    sessions,
    drain: () => ({ schema: SCHEMA, state: lasting.offer() }),
    resume() {
      lasting.withdraw();
      sessions.bus = bus;
    },
    release,
    end() {
      if (!release()) return;
      sessions.abort.abort();
      for (const socket of sessions.sockets) socket.destroy();
    },
  };
}

/** Keeps a request's connection from being closed with the instance as long as `work` takes. */
export async function asSession<T>(
  { sockets }: Sessions,
  { socket }: { readonly socket: Socket },
  work: () => Promise<T>,
): Promise<T> {
  sockets.add(socket);
  try {
    return await work();
  } finally {
    sockets.delete(socket);
  }
}
