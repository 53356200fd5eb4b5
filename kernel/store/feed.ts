import { setTimeout as sleep } from 'node:timers/promises';
import { createInbox, type Msg, nuid } from 'nats';
import type { Logger } from '../contract/index.ts';
import type { Link } from '../nats/link.ts';
import { ask, lastOf } from './api.ts';
import { headersOf } from './headers.ts';
import { isReplaced, mark, markerOf, outgrow, type Seen, type StreamState, streamState } from './stream.ts';
import type { StreamDesign } from './subjects.ts';

const HEARTBEAT_MS = 2_000;
const SILENCE_MS = 6_000;
const MILLISECOND = 1_000_000;

/** Where a feed goes. */
export interface FeedTarget {
  /** A session begins; `rewound`: something that was delivered is not in the stream any more. Returns the first revision to deliver, or 0 for the newest of every object. */
  begin(state: StreamState & { rewound: boolean }): number;
  /** `headers`: see `headerIn`. */
  message(revision: number, message: Msg, headers: string): void;
  /** Nothing up to this revision is still to come. */
  caughtUp(revision: number): void;
}

/**
 * One stream's messages, in order, none missing: a push consumer that is made again from the last revision seen when a message is
 * missed, the server falls silent or the connection was cut.
 */
export class Feed {
  readonly #link: Link;
  readonly #design: StreamDesign;
  readonly #filters: readonly string[] | undefined;
  readonly #target: FeedTarget;
  readonly #log: Logger;
  readonly #closing = new AbortController();
  readonly #done: Promise<void>;
  #end: (why: string) => void = () => undefined;
  /** The last message delivered. */
  #last: Seen | undefined;
  #epoch = '';

  constructor(o: {
    link: Link;
    design: StreamDesign;
    filters: readonly string[] | undefined;
    target: FeedTarget;
    log: Logger;
  }) {
    this.#link = o.link;
    this.#design = o.design;
    this.#filters = o.filters;
    this.#target = o.target;
    this.#log = o.log;
    this.#done = this.#run();
  }

  /** Begins a new session: something else than the feed has found out that this one is of no use. */
  restart(why: string): void {
    this.#end(why);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    let pause = 10;
    while (!signal.aborted && !this.#link.closed) {
      const started = performance.now();
      try {
        await this.#link.whenUp(60_000);
        const why = await this.#session(signal);
        if (!signal.aborted) this.#log.debug('watching again', { stream: this.#design.name, why });
      } catch (error) {
        if (!signal.aborted && !this.#link.closed)
          this.#log.warn('cannot watch the stream; trying again', {
            stream: this.#design.name,
            error: (error as Error).message,
          });
      }
      pause = performance.now() - started > 5_000 ? 10 : Math.min(pause * 2, 1_000);
      await sleep(pause, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Returns why it ended. */
  async #session(signal: AbortSignal): Promise<string> {
    const { connection } = this.#link;
    const state = await this.#state();
    const from = this.#target.begin(state);
    const inbox = createInbox();
    const name = nuid.next();
    const stream = this.#design.name;
    let end: (why: string) => void = () => undefined;
    const ended = new Promise<string>((resolve) => {
      end = resolve;
    });
    this.#end = end;
    let expected = 1;
    let over = false;
    const cut = (why: string): void => {
      over = true;
      end(why);
    };
    // Nothing is missing once the message arrives that was the last after the consumer was made: not when none is said to be pending, for
    // the server counts out those that are removed meanwhile, which it had not counted in.
    let goal = Infinity;
    let reached = Math.max(0, from - 1);
    const advance = (): void => {
      if (over || reached < goal) return;
      goal = Infinity;
      this.#target.caughtUp(Math.max(reached, state.lastRevision));
    };
    let lastSeen = performance.now();
    const subscription = connection.subscribe(inbox, {
      callback: (_error, message) => {
        if (over) return;
        lastSeen = performance.now();
        const reply = message.reply ?? '';
        if (!reply.startsWith('$JS.ACK.')) return control(message);
        const { revision, order, time } = parseReply(reply);
        if (order !== expected) return cut('a message was missed');
        expected += 1;
        this.#last = { revision, time };
        this.#target.message(revision, message, headersOf(message));
        reached = revision;
        advance();
      },
    });
    const control = (message: Msg): void => {
      const stalled = message.headers?.get('Nats-Consumer-Stalled');
      if (message.reply) connection.publish(message.reply);
      else if (stalled) connection.publish(stalled);
      const last = message.headers?.get('Nats-Last-Consumer');
      // Says which message was the last: the end of a burst may have been lost.
      if (last && Number(last) >= expected) cut('a message was missed');
      // It has nothing more to say, though the last was to come: that was removed meanwhile.
      if (last && !stalled && goal < Infinity && state.replicas === 1) goal = reached;
      advance();
    };
    const silence = setInterval(() => {
      if (performance.now() - lastSeen > SILENCE_MS) end('the server fell silent');
    }, 1_000);
    // What comes after this may be from a consumer that was made for another state of the stream.
    const unlisten = this.#link.onChange(() => cut('the connection was cut'));
    const abort = (): void => end('closed');
    signal.addEventListener('abort', abort, { once: true });
    try {
      const config = this.#consumer(name, inbox, from);
      await ask(this.#link, `CONSUMER.CREATE.${stream}.${name}`, { stream_name: stream, config });
      // It may run on a copy that is behind: then something written now tells.
      goal =
        state.replicas > 1
          ? await mark(this.#link, this.#design)
          : await lastOf(this.#link, stream, this.#subjects);
      advance();
      return await ended;
    } finally {
      over = true;
      clearInterval(silence);
      unlisten();
      signal.removeEventListener('abort', abort);
      if (!connection.isClosed()) {
        subscription.unsubscribe();
        connection.publish(`$JS.API.CONSUMER.DELETE.${stream}.${name}`);
      }
    }
  }

  /**
   * The stream's state, and whether it still has what was delivered here. A server delivers a message before it is durable and acknowledged;
   * killed in between, it gives the revision to another one. Revisions that were seen are then left behind, so that none is ever used twice.
   */
  async #state(): Promise<StreamState & { rewound: boolean }> {
    const state = await streamState(this.#link, this.#design);
    const last = this.#last;
    const known = this.#epoch;
    const same = state.epoch === known;
    this.#epoch = state.epoch;
    const older = last !== undefined && state.lastRevision < last.revision;
    if (!last || !(older || (same && (await isReplaced(this.#link, this.#design, last))))) {
      if (!same) this.#last = undefined;
      return { ...state, rewound: false };
    }
    await outgrow(this.#link, this.#design, { revision: last.revision + 1, known, log: this.#log });
    this.#last = undefined;
    const now = await streamState(this.#link, this.#design);
    this.#epoch = now.epoch;
    return { ...now, rewound: true };
  }

  get #subjects(): string[] {
    return this.#filters ? [...this.#filters, markerOf(this.#design)] : [`${this.#design.prefix}.>`];
  }

  #consumer(name: string, inbox: string, from: number): object {
    return {
      name,
      deliver_subject: inbox,
      ack_policy: 'none',
      replay_policy: 'instant',
      ...(from > 0
        ? { deliver_policy: 'by_start_sequence', opt_start_seq: from }
        : { deliver_policy: 'last_per_subject' }),
      filter_subjects: this.#subjects,
      flow_control: true,
      idle_heartbeat: HEARTBEAT_MS * MILLISECOND,
      inactive_threshold: 30_000 * MILLISECOND,
      mem_storage: true,
      num_replicas: 1,
    };
  }
}

/** `$JS.ACK.[domain.account.]stream.consumer.delivered.REVISION.ORDER.time.pending[.random]` */
function parseReply(reply: string): Seen & { order: number } {
  const tokens = reply.split('.');
  const shift = tokens.length > 9 ? 2 : 0;
  return {
    revision: Number(tokens[5 + shift]),
    order: Number(tokens[6 + shift]),
    time: tokens[7 + shift] ?? '',
  };
}
