import { Duplex } from 'node:stream';
import { createInbox, type Msg, type Subscription } from 'nats';
import { asStatusError, type Status, StatusError } from '../contract/index.ts';
import type { Link } from '../nats/link.ts';

/** First byte of a frame. */
export const FRAME = { data: 0, end: 1, credit: 2, error: 3, accept: 4, ping: 5, close: 6 } as const;

/** Bytes of a data frame's payload; of what may be under way unread. */
const CHUNK = 128 * 1024;
const WINDOW = 1024 * 1024;
const HEADER = 5;
const TICK_MS = 5_000;
/** A peer that sends nothing for this many ticks, not even pings, is gone. */
const SILENT_TICKS = 4;

type Done = (error?: Error | null) => void;

/**
 * One end of a byte stream over the bus. Data frames are numbered, so that a lost one is noticed; at most `WINDOW` bytes are under way
 * that the other end has not read; a cut connection and a peer that is gone end it with an error.
 */
export class BusStream extends Duplex {
  readonly inbox: string = createInbox();
  readonly #link: Link;
  readonly #subscription: Subscription;
  readonly #ticker: NodeJS.Timeout;
  readonly #unlisten: () => void;
  /** Called once, at the first use of an accepted stream. */
  #accept: (() => void) | undefined;
  #peer: string;
  #sent = 0;
  #received = 0;
  #credit = WINDOW;
  #granted = 0;
  #pushed = 0;
  #waiting: { rest: Buffer; done: Done } | undefined;
  #localEnd = false;
  #remoteEnd = false;
  #silent = 0;
  #spoke = false;

  /** `accepts`: this is the end that was asked, and says so at its first read or write. */
  constructor(link: Link, peer: string, accepts: boolean) {
    super({ allowHalfOpen: true, readableHighWaterMark: 256 * 1024, writableHighWaterMark: 256 * 1024 });
    this.#link = link;
    this.#peer = peer;
    if (accepts) this.#accept = () => this.#send(Buffer.of(FRAME.accept), true);
    this.#subscription = link.connection.subscribe(this.inbox, {
      callback: (_error, message) => this.#frame(message),
    });
    this.#ticker = setInterval(() => this.#tick(), TICK_MS);
    this.#unlisten = link.onChange((up) => {
      if (!up) this.destroy(new StatusError('ServiceUnavailable', 'the connection to NATS was cut'));
    });
    // Whoever uses the stream hears of errors; nobody listening must not end the process.
    this.on('error', () => undefined);
  }

  /** Resolves when the other end accepts; rejects with its refusal. For the end that opens. */
  opened(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.once('accepted', resolve);
      this.once('error', reject);
      this.once('close', () => reject(new StatusError('ServiceUnavailable', 'the stream was closed')));
    });
  }

  /** Says that the stream is taken, if that was not said yet. */
  accept(): void {
    const accept = this.#accept;
    this.#accept = undefined;
    accept?.();
  }

  override _read(): void {
    this.accept();
    // What is being read now still counts as unread, and there is no further call before more has come.
    process.nextTick(() => {
      if (!this.destroyed) this.#grant();
    });
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.accept();
    this.#flow(chunk, done);
  }

  override _final(done: Done): void {
    this.accept();
    this.#localEnd = true;
    this.#send(Buffer.of(FRAME.end), false);
    done();
  }

  override _destroy(error: Error | null, done: Done): void {
    clearInterval(this.#ticker);
    this.#unlisten();
    if (!(this.#localEnd && this.#remoteEnd) && this.#peer !== '') {
      const status = error && Buffer.from(JSON.stringify(asStatusError(error).toStatus()));
      this.#send(status ? Buffer.concat([Buffer.of(FRAME.error), status]) : Buffer.of(FRAME.close), false);
    }
    if (!this.#link.connection.isClosed()) this.#subscription.unsubscribe();
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.done(error ?? new StatusError('ServiceUnavailable', 'the stream was closed'));
    done(error);
  }

  #frame(message: Msg): void {
    if (this.destroyed) return;
    if (message.headers?.code === 503) {
      if (!(this.#localEnd && this.#remoteEnd))
        this.#gone(this.#peer === '' ? 'nobody accepts the stream' : 'the other end of the stream is gone');
      return;
    }
    this.#silent = 0;
    const { data } = message;
    const body = Buffer.from(data.buffer, data.byteOffset + 1, Math.max(0, data.byteLength - 1));
    switch (data[0]) {
      case FRAME.data:
        this.#data(body);
        return;
      case FRAME.end:
        this.#remoteEnd = true;
        this.push(null);
        return;
      case FRAME.credit:
        this.#credit += body.readUInt32BE();
        this.#resume();
        return;
      case FRAME.accept:
        this.#peer = message.reply ?? '';
        this.emit('accepted');
        return;
      case FRAME.error:
        this.#remoteEnd = this.#localEnd = true;
        this.destroy(StatusError.fromStatus(JSON.parse(body.toString()) as Status));
        return;
      case FRAME.close:
        this.#remoteEnd = this.#localEnd = true;
        this.destroy();
        return;
    }
  }

  #data(body: Buffer): void {
    if (body.readUInt32BE() !== this.#received) {
      this.#gone('a part of the stream was lost');
      return;
    }
    this.#received = (this.#received + 1) >>> 0;
    this.#pushed += body.length - (HEADER - 1);
    this.push(body.subarray(HEADER - 1));
    this.#grant();
  }

  /** Lets the other end send as much as was read here. */
  #grant(): void {
    const read = this.#pushed - this.readableLength - this.#granted;
    if (read < WINDOW / 4) return;
    this.#granted += read;
    const frame = Buffer.alloc(5, FRAME.credit);
    frame.writeUInt32BE(read, 1);
    this.#send(frame, false);
  }

  #flow(chunk: Buffer, done: Done): void {
    let rest = chunk;
    while (rest.length > 0 && this.#credit > 0 && !this.destroyed) {
      const part = rest.subarray(0, Math.min(CHUNK, this.#credit));
      rest = rest.subarray(part.length);
      this.#credit -= part.length;
      const frame = Buffer.allocUnsafe(HEADER + part.length);
      frame[0] = FRAME.data;
      frame.writeUInt32BE(this.#sent, 1);
      part.copy(frame, HEADER);
      this.#sent = (this.#sent + 1) >>> 0;
      this.#send(frame, true);
    }
    if (rest.length === 0) done();
    else this.#waiting = { rest, done };
  }

  #resume(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting) this.#flow(waiting.rest, waiting.done);
  }

  /** With `heard` the server tells when nobody is there to hear it. */
  #send(frame: Buffer, heard: boolean): void {
    this.#spoke = true;
    if (!this.#link.up) return;
    try {
      this.#link.connection.publish(this.#peer, frame, heard ? { reply: this.inbox } : {});
    } catch (error) {
      this.destroy(error as Error);
    }
  }

  #tick(): void {
    if (this.#peer === '' || (this.#localEnd && this.#remoteEnd)) return;
    this.#silent += 1;
    if (this.#silent > SILENT_TICKS) this.#gone('the other end of the stream fell silent');
    else if (!this.#spoke) this.#send(Buffer.of(FRAME.ping), true);
    this.#spoke = false;
  }

  #gone(why: string): void {
    this.destroy(new StatusError('ServiceUnavailable', why));
  }
}
