import { createInbox, type Msg, type MsgHdrs, type NatsConnection, type Subscription } from 'nats';

/** Why a request has no answer. After any of these but `aborted` it may still have been carried out. */
export type Lost = 'timeout' | 'no-responders' | 'disconnected' | 'aborted';

export class LostError extends Error {
  override readonly name = 'LostError';
  readonly why: Lost;

  constructor(why: Lost, subject: string) {
    super(`${subject}: ${why}`);
    this.why = why;
  }
}

interface Pending {
  subject: string;
  resolve(message: Msg): void;
  reject(error: Error): void;
  timer: NodeJS.Timeout;
}

/**
 * Requests over one connection, all on one inbox. Unlike the client library's, a request fails at the moment the connection is cut
 * instead of at its timeout: the answer to it will never come.
 */
export class Link {
  readonly connection: NatsConnection;
  readonly #inbox = createInbox();
  readonly #pending = new Map<string, Pending>();
  readonly #listeners = new Set<(up: boolean) => void>();
  readonly #answers: Subscription;
  #next = 0;
  #up = true;
  #closed = false;

  constructor(connection: NatsConnection) {
    this.connection = connection;
    this.#answers = connection.subscribe(`${this.#inbox}.*`, {
      callback: (_error, message) => this.#answer(message),
    });
    void this.#follow();
  }

  get up(): boolean {
    return this.#up && !this.#closed;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Told `false` when the connection is cut, `true` when it is back. Returns what ends it. */
  onChange(listener: (up: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves when the connection is up; rejects with `LostError` after `timeout` milliseconds, or when it is closed. */
  async whenUp(timeout: number): Promise<void> {
    if (this.up) return;
    await new Promise<void>((resolve, reject) => {
      const end = (error?: Error): void => {
        clearTimeout(timer);
        unlisten();
        if (error) reject(error);
        else resolve();
      };
      const timer = setTimeout(() => end(new LostError('disconnected', 'NATS')), timeout);
      const unlisten = this.onChange((up) => end(up ? undefined : new LostError('disconnected', 'NATS')));
      if (this.#closed) end(new LostError('disconnected', 'NATS'));
    });
  }

  /** Rejects with `LostError`. `timeout` in milliseconds. */
  request(
    subject: string,
    data: Uint8Array | string,
    options: { timeout: number; headers?: MsgHdrs | undefined; signal?: AbortSignal | undefined },
  ): Promise<Msg> {
    return new Promise((resolve, reject) => {
      if (!this.up) return reject(new LostError('disconnected', subject));
      if (options.signal?.aborted) return reject(new LostError('aborted', subject));
      const id = (this.#next++).toString(36);
      const abort = (): void => this.#take(id)?.reject(new LostError('aborted', subject));
      options.signal?.addEventListener('abort', abort, { once: true });
      const unlisten = (): void => options.signal?.removeEventListener('abort', abort);
      this.#pending.set(id, {
        subject,
        resolve: (message) => {
          unlisten();
          resolve(message);
        },
        reject: (error) => {
          unlisten();
          reject(error);
        },
        timer: setTimeout(() => this.#take(id)?.reject(new LostError('timeout', subject)), options.timeout),
      });
      try {
        this.connection.publish(subject, data, {
          reply: `${this.#inbox}.${id}`,
          ...(options.headers && { headers: options.headers }),
        });
      } catch (error) {
        this.#take(id)?.reject(error as Error);
      }
    });
  }

  /** Fails what is pending. The connection stays open: it is its owner's. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (!this.connection.isClosed()) this.#answers.unsubscribe();
    this.#fail();
    this.#tell(false);
  }

  #take(id: string): Pending | undefined {
    const pending = this.#pending.get(id);
    if (pending) clearTimeout(pending.timer);
    this.#pending.delete(id);
    return pending;
  }

  #answer(message: Msg): void {
    const pending = this.#take(message.subject.slice(message.subject.lastIndexOf('.') + 1));
    if (!pending) return;
    if (message.headers?.code === 503) pending.reject(new LostError('no-responders', pending.subject));
    else pending.resolve(message);
  }

  #fail(): void {
    for (const id of [...this.#pending.keys()]) {
      const pending = this.#take(id)!;
      pending.reject(new LostError('disconnected', pending.subject));
    }
  }

  #tell(up: boolean): void {
    for (const listener of [...this.#listeners]) listener(up);
  }

  async #follow(): Promise<void> {
    for await (const { type } of this.connection.status()) {
      if (this.#closed) return;
      if (type === 'disconnect') {
        this.#up = false;
        this.#fail();
        this.#tell(false);
      } else if (type === 'reconnect') {
        this.#up = true;
        this.#tell(true);
      }
    }
    this.close();
  }
}
