import type { Duplex } from 'node:stream';
import { headers, type Msg, type NatsConnection, type Subscription as NatsSubscription } from 'nats';
import { within } from '../contract/deadline.ts';
import {
  asStatusError,
  type BusClient,
  type Json,
  type Logger,
  type RequestOptions,
  StatusError,
  type Subscription,
} from '../contract/index.ts';
import { Link, LostError } from '../nats/link.ts';
import { BusStream } from './stream.ts';
import { checkSubject, decode, ERROR_HEADERS, encode, explain, open } from './wire.ts';

const TIMEOUT_MS = 5_000;
/** A server that takes longer to say that it has read everything is not waited for. */
const FLUSH_MS = 2_000;
/** One acceptor of a subject gets a stream. */
const ACCEPTORS = 'orlop-acceptors';

export interface Bus extends BusClient {
  /** Returns when the server knows of every subscription that was made or closed, and handlers were called with what it had sent before that. */
  flush(): Promise<void>;
  /** Ends subscriptions, streams and requests. The connection is its owner's to close. */
  close(): Promise<void>;
}

export function openBus(o: { connection: NatsConnection; log: Logger }): Bus {
  return new NatsBus(o.connection, o.log);
}

class NatsBus implements Bus {
  readonly #connection: NatsConnection;
  readonly #link: Link;
  readonly #log: Logger;
  readonly #subscriptions = new Set<NatsSubscription>();
  readonly #streams = new Set<BusStream>();

  constructor(connection: NatsConnection, log: Logger) {
    this.#connection = connection;
    this.#link = new Link(connection);
    this.#log = log;
  }

  publish(subject: string, data: Json): void {
    this.#connection.publish(checkSubject(subject), this.#fit(encode(data)));
  }

  subscribe(
    subject: string,
    handler: (data: Json, subject: string) => void,
    options: { queue?: string } = {},
  ): Subscription {
    return this.#listen(subject, options.queue, (message) => {
      handler(decode<Json>(message.data), message.subject);
    });
  }

  async request<T = Json>(subject: string, data: Json, options: RequestOptions = {}): Promise<T> {
    const { timeout = TIMEOUT_MS, signal } = options;
    checkSubject(subject);
    try {
      return open<T>(await this.#link.request(subject, this.#fit(encode(data)), { timeout, signal }));
    } catch (error) {
      throw explain(error, subject, signal);
    }
  }

  serve(
    subject: string,
    handler: (data: Json, subject: string) => Promise<Json> | Json,
    options: { queue?: string } = {},
  ): Subscription {
    return this.#listen(subject, options.queue, async (message) => {
      try {
        const answer = this.#fit(encode(await handler(decode<Json>(message.data), message.subject)));
        if (this.#link.up) message.respond(answer);
      } catch (error) {
        const status = asStatusError(error).toStatus();
        if (this.#link.up) message.respond(JSON.stringify(status), { headers: ERROR_HEADERS });
      }
    });
  }

  async openStream(subject: string, params: Json, options: RequestOptions = {}): Promise<Duplex> {
    const { timeout = TIMEOUT_MS, signal } = options;
    checkSubject(subject);
    signal?.throwIfAborted();
    if (!this.#link.up) throw explain(new LostError('disconnected', subject), subject);
    const stream = this.#keep(new BusStream(this.#link, '', false));
    const opened = stream.opened();
    const giveUp = (why: Error): void => void stream.destroy(why);
    const timer = setTimeout(() => giveUp(explain(new LostError('timeout', subject), subject)), timeout);
    const abort = (): void => giveUp(explain(new LostError('aborted', subject), subject, signal));
    signal?.addEventListener('abort', abort, { once: true });
    try {
      this.#connection.publish(subject, this.#fit(encode(params)), {
        reply: stream.inbox,
        headers: headers(),
      });
      await opened;
      // From here on the signal ends the stream.
      stream.once('close', () => signal?.removeEventListener('abort', abort));
      return stream;
    } catch (error) {
      signal?.removeEventListener('abort', abort);
      stream.destroy();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  acceptStreams(
    subject: string,
    handler: (params: Json, stream: Duplex, subject: string) => Promise<void> | void,
  ): Subscription {
    return this.#listen(subject, ACCEPTORS, async (message) => {
      if (!message.reply) return;
      const stream = this.#keep(new BusStream(this.#link, message.reply, true));
      try {
        await handler(decode<Json>(message.data), stream, message.subject);
        if (!stream.destroyed) stream.accept();
      } catch (error) {
        stream.destroy(asStatusError(error));
      }
    });
  }

  async close(): Promise<void> {
    for (const stream of this.#streams) stream.destroy();
    for (const subscription of this.#subscriptions)
      if (!this.#connection.isClosed()) subscription.unsubscribe();
    this.#subscriptions.clear();
    await this.flush();
    this.#link.close();
  }

  async flush(): Promise<void> {
    // On a connection that is cut it would wait for the next one.
    if (!this.#link.up) return;
    await within(FLUSH_MS, 'a flush', () => this.#connection.flush()).catch(() => undefined);
  }

  #listen(
    subject: string,
    queue: string | undefined,
    handle: (message: Msg) => void | Promise<void>,
  ): Subscription {
    const failed = (error: unknown): void =>
      this.#log.error('a bus handler failed', { subject, error: asStatusError(error).message });
    const subscription = this.#connection.subscribe(checkSubject(subject), {
      ...(queue !== undefined && { queue }),
      callback: (error, message) => {
        if (error) return failed(error);
        try {
          handle(message)?.catch(failed);
        } catch (thrown) {
          failed(thrown);
        }
      },
    });
    this.#subscriptions.add(subscription);
    return {
      close: () => {
        this.#subscriptions.delete(subscription);
        if (subscription.isClosed() || this.#connection.isClosed()) return;
        // The client would drop what the server has sent already, and its requesters wait in vain. It never rejects.
        if (this.#link.up) void subscription.drain();
        else subscription.unsubscribe();
      },
    };
  }

  #keep(stream: BusStream): BusStream {
    this.#streams.add(stream);
    stream.once('close', () => this.#streams.delete(stream));
    return stream;
  }

  #fit(text: string): string {
    const most = this.#connection.info?.max_payload ?? 1024 * 1024;
    if (text.length > most || Buffer.byteLength(text) > most) {
      const why = `a message may have ${most} bytes; send more by a stream`;
      throw new StatusError('RequestEntityTooLarge', why);
    }
    return text;
  }
}
