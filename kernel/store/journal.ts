import { setTimeout as sleep } from 'node:timers/promises';
import { headers, type Msg, nuid } from 'nats';
import { StatusError } from '../contract/index.ts';
import { type Link, LostError } from '../nats/link.ts';
import { ask, CONFLICTS, readMessage } from './api.ts';
import { HEADERS, headerIn } from './headers.ts';

/** One message to append, if the last of its subject is `expected` (0: there is none). */
export interface Append {
  subject: string;
  data: Uint8Array;
  expected: number;
  headers: Record<string, string>;
}

/** The revision written, or that another write was first, or that only the stream knows. */
type Outcome = number | 'conflict' | 'unknown';

interface Queued extends Append {
  id: string;
  resolve(outcome: Outcome): void;
  reject(error: Error): void;
}

const ATTEMPT_MS = 5_000;
const PATIENCE_MS = 30_000;
const IN_DOUBT_MS = 2_000;
const TOO_LARGE = 10054;
/** JetStream's own limit is 1,000 messages. Making a batch durable costs as much as about eight single messages. */
const BATCH = { least: 8, most: 1_000, bytes: 4 * 1024 * 1024, inFlight: 2 };

/**
 * Appends to one stream, durably. Single appends that are under way at the same time go out as one atomic batch, because a batch costs
 * about as much as one message to make durable. An outcome that is not known is found out, never guessed.
 */
export class Journal {
  readonly #link: Link;
  readonly #stream: string;
  readonly #process = nuid.next();
  #counter = 0;
  #queue: Queued[] = [];
  #inFlight = 0;
  #scheduled = false;
  /** How many messages went out, and in how many flights. */
  readonly written = { messages: 0, flights: 0, conflicts: 0, unknown: 0 };

  constructor(link: Link, stream: string) {
    this.#link = link;
    this.#stream = stream;
  }

  /** Its revision, or `conflict`. Throws `Timeout` when the outcome cannot be found out. */
  async append(append: Append): Promise<number | 'conflict'> {
    this.#check(append);
    const id = this.#id();
    const outcome = await new Promise<Outcome>((resolve, reject) => {
      this.#queue.push({ ...append, id, resolve, reject });
      this.#schedule();
    });
    if (outcome !== 'unknown') return outcome;
    const write = { ...append, id };
    const again = await this.#insist(append.subject, () => this.#single(write));
    return again === 'conflict' ? await this.#settle(write) : again;
  }

  /** All or none: their revisions, or `conflict`. */
  async appendAll(appends: readonly Append[]): Promise<number[] | 'conflict'> {
    for (const append of appends) this.#check(append);
    const writes = appends.map((append) => ({ ...append, id: this.#id() }));
    const first = writes[0];
    if (!first) return [];
    const outcome = await this.#batch(writes);
    const last =
      outcome === 'unknown' ? await this.#insist(first.subject, () => this.#batch(writes)) : outcome;
    if (last !== 'conflict') return writes.map((_, i) => last - writes.length + 1 + i);
    if (outcome !== 'unknown') return 'conflict';
    const settled: number[] = [];
    for (const write of writes) {
      const revision = await this.#settle(write);
      if (revision === 'conflict') return 'conflict';
      settled.push(revision);
    }
    return settled;
  }

  #id(): string {
    return `${this.#process}.${(this.#counter++).toString(36)}`;
  }

  #check({ subject, data }: Append): void {
    const most = (this.#link.connection.info?.max_payload ?? 1024 * 1024) - 16 * 1024;
    if (data.length > most) {
      const text = `the object is ${data.length} bytes; at most ${most} can be stored`;
      throw new StatusError('RequestEntityTooLarge', text);
    }
    if (subject.length > 2048) throw new StatusError('BadRequest', 'the name of the object is too long');
  }

  #schedule(): void {
    if (this.#scheduled || this.#inFlight >= BATCH.inFlight) return;
    this.#scheduled = true;
    // Not at once: those whose writes were just acknowledged come back within this turn, and a batch twice as large costs no more.
    setImmediate(() => {
      this.#scheduled = false;
      while (this.#queue.length > 0 && this.#inFlight < BATCH.inFlight) void this.#fly(this.#take());
    });
  }

  /** What goes out together: no subject twice. */
  #take(): Queued[] {
    const taken: Queued[] = [];
    const left: Queued[] = [];
    const subjects = new Set<string>();
    let bytes = 0;
    for (const write of this.#queue) {
      const full = taken.length >= BATCH.most || bytes + write.data.length > BATCH.bytes;
      if ((full && taken.length > 0) || subjects.has(write.subject)) {
        left.push(write);
        continue;
      }
      subjects.add(write.subject);
      bytes += write.data.length;
      taken.push(write);
    }
    this.#queue = left;
    return taken;
  }

  async #fly(writes: Queued[]): Promise<void> {
    this.#inFlight += 1;
    try {
      const outcome = writes.length >= BATCH.least ? await this.#batch(writes) : 'conflict';
      // One conflict aborts a batch: each on its own, then.
      if (outcome === 'conflict')
        await Promise.all(
          writes.map((write) =>
            this.#single(write).then(
              (single) => write.resolve(single),
              (error: Error) => write.reject(error),
            ),
          ),
        );
      else
        writes.forEach((write, i) => {
          write.resolve(outcome === 'unknown' ? outcome : outcome - writes.length + 1 + i);
        });
    } catch (error) {
      for (const write of writes) write.reject(error as Error);
    } finally {
      this.#inFlight -= 1;
      this.#schedule();
    }
  }

  async #single(write: Append & { id: string }): Promise<Outcome> {
    this.written.messages += 1;
    this.written.flights += 1;
    return await this.#send(write, {});
  }

  async #batch(writes: readonly (Append & { id: string })[]): Promise<Outcome> {
    if (!this.#link.up) return 'unknown';
    this.written.messages += writes.length;
    this.written.flights += 1;
    const batch = this.#id();
    const last = writes.length - 1;
    for (const [i, write] of writes.entries()) {
      const place = { 'Nats-Batch-Id': batch, 'Nats-Batch-Sequence': String(i + 1) };
      if (i === last) return await this.#send(write, { ...place, 'Nats-Batch-Commit': '1' });
      this.#link.connection.publish(write.subject, write.data, { headers: this.#headers(write, place) });
    }
    return 'unknown';
  }

  async #send(write: Append & { id: string }, extra: Record<string, string>): Promise<Outcome> {
    let answer: Msg;
    try {
      answer = await this.#link.request(write.subject, write.data, {
        headers: this.#headers(write, extra),
        timeout: ATTEMPT_MS,
      });
    } catch (error) {
      if (!(error instanceof LostError)) throw error;
      this.written.unknown += 1;
      return 'unknown';
    }
    const { seq, error } = answer.json<{
      seq: number;
      error?: { code: number; err_code: number; description: string };
    }>();
    if (!error) return seq;
    if (CONFLICTS.includes(error.err_code)) {
      this.written.conflicts += 1;
      return 'conflict';
    }
    if (error.code === 503) return 'unknown';
    if (error.err_code === TOO_LARGE) throw new StatusError('RequestEntityTooLarge', error.description);
    const text = `NATS refused the write (${error.err_code}): ${error.description}`;
    throw new StatusError('ServiceUnavailable', text);
  }

  #headers(write: Append & { id: string }, extra: Record<string, string>): ReturnType<typeof headers> {
    const all = headers();
    all.append(HEADERS.expected, String(write.expected));
    all.append(HEADERS.write, write.id);
    for (const [name, value] of Object.entries(write.headers)) all.append(name, value);
    for (const [name, value] of Object.entries(extra)) all.append(name, value);
    return all;
  }

  /** Sends again what may or may not have arrived. That is safe: it can succeed once only, because of what it expects. */
  async #insist(subject: string, send: () => Promise<Outcome>): Promise<number | 'conflict'> {
    const deadline = performance.now() + PATIENCE_MS;
    for (
      let pause = 20;
      performance.now() < deadline && !this.#link.closed;
      pause = Math.min(pause * 2, 1_000)
    ) {
      await this.#link.whenUp(Math.max(1, deadline - performance.now())).catch(() => undefined);
      const outcome = await send();
      if (outcome !== 'unknown') return outcome;
      // Says so when the stream is gone.
      await ask(this.#link, `STREAM.INFO.${this.#stream}`);
      await sleep(pause);
    }
    const text = `NATS did not acknowledge the write of ${subject}: it may or may not be done. Read the object before you try again; if this goes on, see whether the disk of nats-server is full.`;
    throw new StatusError('Timeout', text);
  }

  /** A second attempt conflicted: with its own first one, if the message that followed `expected` bears its id. */
  async #settle(write: Append & { id: string }): Promise<number | 'conflict'> {
    const deadline = performance.now() + IN_DOUBT_MS;
    let from = write.expected + 1;
    let successor = false;
    for (;;) {
      const next = await readMessage(this.#link, this.#stream, { seq: from, next_by_subj: write.subject });
      if (next && headerIn(next.headers, HEADERS.write) === write.id) return next.seq;
      successor ||= headerIn(next?.headers ?? '', HEADERS.expected) === String(write.expected);
      // What conflicted may not be visible yet while the copies of the stream agree on it.
      const hidden = next === undefined && from === write.expected + 1;
      if (hidden && performance.now() < deadline) {
        await sleep(50);
        continue;
      }
      if (successor || hidden) return 'conflict';
      if (next === undefined) break;
      from = next.seq + 1;
    }
    const text = `${write.subject} was written many times since, so that it cannot be told whether this write was one of them. Read it again.`;
    throw new StatusError('Timeout', text);
  }
}
