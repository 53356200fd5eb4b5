import { createServer, type Server, type Socket } from 'node:net';
import type { Listener, ListenOptions } from '../contract/index.ts';
import { listenError } from './portholder.ts';

/** Sockets that may wait for an instance at one address; more are refused. */
const WAITING = 1024;

type Handler = (socket: Socket) => void;

/** One listening socket. `handler` is absent while no instance takes connections: they wait. */
interface Held {
  readonly key: string;
  readonly server: Server;
  readonly listener: { host: string; port: number };
  readonly waiting: Set<Socket>;
  handler: Handler | undefined;
  /** The successor's, until the swap flips. */
  next: Handler | undefined;
}

/** The listening sockets of one plugin. They outlive its instances: a successor that asks for the same address gets the same socket. */
export class Listeners {
  readonly #plugin: string;
  readonly #held = new Map<string, Held>();
  readonly #sockets = new Set<Socket>();

  constructor(plugin: string) {
    this.#plugin = plugin;
  }

  /** Where it listens. */
  get addresses(): string[] {
    return [...this.#held.values()].map(({ listener: { host, port } }) => `${host}:${port}`);
  }

  /** For an instance that is starting; it gets connections from `settle` on if `swapping`, else at once. */
  async listen({ host, port }: ListenOptions, handler: Handler, swapping: boolean): Promise<Listener> {
    const key = `${host} ${port}`;
    let held = this.#held.get(key);
    if (held && (swapping ? held.next : held.handler)) {
      throw listenError({ code: 'EADDRINUSE' }, host, port, `plugin "${this.#plugin}" listens there already`);
    }
    if (!held) {
      held = await this.#open(key, host, port);
      this.#held.set(key, held);
    }
    if (swapping) held.next = handler;
    else serve(held, handler);
    const { listener } = held;
    return {
      ...listener,
      close: async () => {
        const now = this.#held.get(key);
        // Once a successor has it, it is not its predecessor's to close.
        const isMine = now && [now.handler, now.next].includes(handler);
        if (isMine || (!now?.handler && !now?.next)) await this.#close(now);
      },
      pass: (socket) => this.#pass(key, handler, socket),
    };
  }

  /** From now on connections wait: the instance is going, a successor is coming. */
  hold(): void {
    for (const held of this.#held.values()) held.handler = undefined;
  }

  /** Remembers who takes connections now; the returned function puts them back and forgets the successor. */
  pause(): () => Promise<void> {
    const handlers = new Map([...this.#held.values()].map((held) => [held, held.handler]));
    this.hold();
    return async () => {
      for (const held of this.#held.values()) {
        held.next = undefined;
        const handler = handlers.get(held);
        if (handler) serve(held, handler);
        else await this.#close(held);
      }
    };
  }

  /** The successor takes over; addresses it did not ask for are given up. */
  async settle(): Promise<void> {
    for (const held of this.#held.values()) {
      const handler = held.next ?? held.handler;
      held.next = undefined;
      if (handler) serve(held, handler);
      else await this.#close(held);
    }
  }

  /** Gives all addresses up; connections go on. */
  async refuse(): Promise<void> {
    await Promise.all([...this.#held.values()].map((held) => this.#close(held)));
  }

  /** Gives all addresses up and ends the connections that are left. */
  async close(): Promise<void> {
    await this.refuse();
    for (const socket of this.#sockets) socket.destroy();
  }

  /** From the instance that took connections with `from`. */
  #pass(key: string, from: Handler, socket: Socket): boolean {
    const held = this.#held.get(key);
    if (!held || held.handler === from || held.next === from || socket.destroyed) return false;
    accept(held, socket);
    return true;
  }

  async #close(held: Held | undefined): Promise<void> {
    if (!held || this.#held.get(held.key) !== held) return;
    this.#held.delete(held.key);
    held.handler = undefined;
    held.server.close();
    for (const socket of held.waiting) socket.destroy();
    await new Promise(setImmediate);
  }

  async #open(key: string, host: string, port: number): Promise<Held> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    const held: Held = {
      key,
      server,
      listener: { host, port },
      waiting: new Set(),
      handler: undefined,
      next: undefined,
    };
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      accept(held, socket);
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => reject(listenError(error, host, port)));
      server.listen({ host, port }, () => resolve());
    });
    const address = server.address();
    if (typeof address === 'object' && address) held.listener.port = address.port;
    return held;
  }
}

function accept(held: Held, socket: Socket): void {
  if (held.handler) held.handler(socket);
  else if (held.waiting.size < WAITING) wait(held, socket);
  else socket.destroy();
}

function wait(held: Held, socket: Socket): void {
  held.waiting.add(socket);
  socket.on('error', ignore);
  socket.once('close', () => held.waiting.delete(socket));
}

/** A waiting client may go away; nobody has to know. */
function ignore(): void {}

function serve(held: Held, handler: Handler): void {
  held.handler = handler;
  for (const socket of held.waiting) {
    held.waiting.delete(socket);
    socket.off('error', ignore);
    handler(socket);
  }
}
