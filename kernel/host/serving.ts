import type { Bus } from '../bus/index.ts';
import type { BusClient, Subscription } from '../contract/index.ts';

interface Served {
  /** How and what: `serve a.b`. */
  readonly key: string;
  readonly open: () => Subscription;
  /** Absent until `begin`. */
  subscription: Subscription | undefined;
}

/**
 * What one instance serves on the bus. A subject that its predecessor serves it takes over at the flip: each request and stream is then given to
 * exactly one of the two, and handled by that one.
 */
export class Serving {
  /** Requests and streams that have not ended. */
  readonly inHand = new Set<Promise<unknown>>();
  readonly bus: BusClient;
  readonly flush: () => Promise<void>;
  readonly #served = new Set<Served>();
  #held: readonly string[];

  /** `group`: the same for a successor, and for nobody else. `held`: `keys` of the predecessor. */
  constructor(bus: Bus, group: string, held: readonly string[] = []) {
    this.#held = held;
    this.flush = () => bus.flush();
    this.bus = {
      publish: (subject, data) => bus.publish(subject, data),
      request: (subject, data, options) => bus.request(subject, data, options),
      openStream: (subject, params, options) => bus.openStream(subject, params, options),
      subscribe: (subject, handler, options) => bus.subscribe(subject, handler, options),
      serve: (subject, handler, { queue = `${group}.${subject}` } = {}) =>
        this.#keep(`serve ${subject}`, () => {
          const serve: typeof handler = (data, from) => {
            const answer = handler(data, from);
            return answer instanceof Promise ? this.#note(answer) : answer;
          };
          return bus.serve(subject, serve, { queue });
        }),
      acceptStreams: (subject, handler) =>
        this.#keep(`accept ${subject}`, () =>
          bus.acceptStreams(subject, (params, stream, from) => {
            void this.#note(new Promise((resolve) => stream.once('close', resolve)));
            return handler(params, stream, from);
          }),
        ),
    };
  }

  get keys(): string[] {
    return [...this.#served].map(({ key }) => key);
  }

  /** Serves what the predecessor serves as well; returns when requests come here. */
  async begin(): Promise<void> {
    this.#held = [];
    for (const each of this.#served) each.subscription ??= each.open();
    await this.flush();
  }

  /** Leaves to a successor what that serves; returns when no more of it comes here. */
  async leave(keys: readonly string[]): Promise<void> {
    for (const { key, subscription } of this.#served) if (keys.includes(key)) subscription?.close();
    await this.flush();
  }

  #keep(key: string, open: () => Subscription): Subscription {
    const served: Served = { key, open, subscription: this.#held.includes(key) ? undefined : open() };
    this.#served.add(served);
    return {
      close: () => {
        this.#served.delete(served);
        served.subscription?.close();
      },
    };
  }

  async #note<T>(work: Promise<T>): Promise<T> {
    this.inHand.add(work);
    return await work.finally(() => this.inHand.delete(work));
  }
}
