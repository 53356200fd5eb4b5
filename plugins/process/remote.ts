import {
  type BusClient,
  isStatus,
  type Json,
  StatusError,
  type Subscription,
  subjectToken,
} from 'orlop/plugin';
import {
  answer,
  type JsonObject,
  type Message,
  messageProblem,
  notification,
  request,
  resultOf,
} from './messages.ts';
import type { Peer, PeerOptions } from './peer.ts';

export interface RemoteOptions extends PeerOptions {
  bus: BusClient;
  /** Its subjects begin with this. */
  subject: string;
  /** One token: this instance, apart from the one before and from those of other kernels. */
  session: string;
}

/** The grants it needs. */
export function remoteGrants(subject: string): { publish: string[]; subscribe: string[] } {
  return { publish: [`${subject}.in.*`], subscribe: [`${subject}.out.*`, `${subject}.announce`] };
}

/**
 * A plugin that runs elsewhere and is reached over NATS. It serves `SUBJECT.in.SESSION`: each JSON-RPC message is a NATS request, its answer
 * the response, also to a notification, which is how fast it reads. Its own requests go to `SUBJECT.out.SESSION`; what it says on
 * `SUBJECT.announce` is that it has come anew, and knows no session.
 */
export class RemotePeer implements Peer {
  readonly failed: Promise<Error>;
  readonly #o: RemoteOptions;
  readonly #in: string;
  readonly #subscriptions: Subscription[];
  #fail!: (error: Error) => void;
  #over: Error | undefined;
  #id = 0;
  #calls = 0;
  #serving = 0;
  /** Notifications on their way, one at a time. */
  #queue: Promise<void> = Promise.resolve();
  #queued = 0;

  constructor(o: RemoteOptions) {
    this.#o = o;
    const session = subjectToken(o.session);
    this.#in = `${o.subject}.in.${session}`;
    this.failed = new Promise((resolve) => (this.#fail = resolve));
    this.#subscriptions = [
      o.bus.serve(
        `${o.subject}.out.${session}`,
        async (data) => (await this.#serve(data)) as unknown as Json,
      ),
      o.bus.subscribe(`${o.subject}.announce`, () => {
        // Before that it is only just being greeted.
        if (this.#id > 1) this.#end('it announced itself anew');
      }),
    ];
  }

  async call(method: string, params: JsonObject, ms = this.#o.limits.call): Promise<Json> {
    if (this.#over) throw this.#over;
    if (this.#calls >= this.#o.limits.calls)
      throw this.#error('TooManyRequests', `it does not answer what it was asked; ${method} was not sent`);
    this.#calls += 1;
    try {
      const response = await this.#send(request(++this.#id, method, params), ms);
      const problem = messageProblem(response);
      if (problem !== undefined || response.method !== undefined)
        throw this.#end(`answered ${method} with what ${problem ?? 'is no response'}`);
      return resultOf(response, this.#o.label);
    } finally {
      this.#calls -= 1;
    }
  }

  notify(method: string, params: JsonObject, always = false): boolean {
    const message = notification(method, params);
    const size = JSON.stringify(message).length;
    if (this.#over || (this.#queued + size > this.#o.limits.unread && !always)) return false;
    this.#queued += size;
    this.#queue = this.#queue.then(async () => {
      if (!this.#over)
        await this.#send(message, this.#o.limits.call).catch(() => this.#end(`did not take ${method}`));
      this.#queued -= size;
    });
    return true;
  }

  async close(): Promise<void> {
    if (!this.#over) {
      await this.call('shutdown', {}, 2_000).catch((error: unknown) =>
        this.#o.log.warn('did not shut down when asked', { error: String(error) }),
      );
      this.#over ??= this.#error('ServiceUnavailable', 'it was stopped');
    }
    for (const each of this.#subscriptions) each.close();
  }

  async #send(message: Message, timeout: number): Promise<Message> {
    try {
      return (await this.#o.bus.request(this.#in, message as unknown as Json, {
        timeout,
      })) as unknown as Message;
    } catch (error) {
      if (isStatus(error, 'ServiceUnavailable'))
        throw this.#end(`${error.message}: is it running, and connected to this NATS?`);
      if (isStatus(error, 'Timeout'))
        throw this.#error('Timeout', `${message.method} took longer than ${timeout} ms`);
      if (error instanceof SyntaxError)
        throw this.#end(`answered ${message.method} with what is not JSON: ${error.message}`);
      throw error;
    }
  }

  async #serve(data: Json): Promise<Message> {
    const message = data as unknown as Message;
    const problem = messageProblem(message);
    if (problem !== undefined || message.method === undefined)
      throw this.#error('BadRequest', `sent a message that ${problem ?? 'is no request'}`);
    if (this.#serving >= this.#o.limits.requests)
      throw this.#error('TooManyRequests', `has ${this.#serving} requests in work; wait for their answers`);
    this.#serving += 1;
    const response = await answer(message, this.#o.serve);
    this.#serving -= 1;
    return response;
  }

  #end(why: string): Error {
    this.#over ??= this.#error('ServiceUnavailable', why);
    this.#fail(this.#over);
    return this.#over;
  }

  #error(reason: StatusError['reason'], message: string): StatusError {
    return new StatusError(reason, `${this.#o.label}: ${message}`);
  }
}
