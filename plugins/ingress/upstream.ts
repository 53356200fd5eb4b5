import { connect, type Socket } from 'node:net';
import type { Endpoint } from 'orlop/plugin';
import { Body } from './body.ts';
import { Head, parseResponse } from './head.ts';
import { compactHead } from './rewrite.ts';

export const MAX_HEAD = 64 * 1024;

/** The one whose request an upstream connection carries. */
export interface Requester {
  /** The answer has no body (HEAD). */
  readonly bodiless: boolean;
  /** The client's connection ends after this response. */
  readonly closing: boolean;
  /** An HTTP/1.0 client asked to keep the connection. */
  readonly oldKeepAlive: boolean;
  /** The request has been passed on whole. */
  readonly sent: boolean;
  /** For the client. */
  write(bytes: Buffer | string): void;
  /** Groups the writes that `work` makes. */
  together(work: () => void): void;
  connected(): void;
  /** A final response head has been passed on. */
  answered(untilClose: boolean): void;
  /** The endpoint switched protocols: from now on bytes pass both ways. */
  switched(): void;
  finished(): void;
  /** The endpoint ended its side of a tunnel. */
  ended(): void;
  /** The connection is gone. `begun`: after part of the response was passed on. */
  lost(begun: boolean): void;
  drained(): void;
}

/** A connection to an endpoint, used for one request after another. */
export class Upstream {
  readonly endpoint: Endpoint;
  readonly socket: Socket;
  connected = false;
  /** It carried a request before: the endpoint may have closed it meanwhile. */
  reused = false;
  /** When it became idle, by the proxy's clock. */
  idleSince = 0;
  readonly #release: (upstream: Upstream) => void;
  readonly #head = new Head();
  readonly #body = new Body();
  #phase: 'head' | 'body' | 'tunnel' = 'head';
  #held: Buffer | undefined;
  #requester: Requester | undefined;
  #begun = false;
  #reusable = false;

  /** `release`: takes it back after a response; `gone`: it closed. */
  constructor(endpoint: Endpoint, release: (upstream: Upstream) => void, gone: (upstream: Upstream) => void) {
    this.endpoint = endpoint;
    this.#release = release;
    this.socket = connect({ host: endpoint.host, port: endpoint.port, noDelay: true });
    this.socket.on('connect', () => {
      this.connected = true;
      this.#requester?.connected();
    });
    this.socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    this.socket.on('drain', () => this.#requester?.drained());
    this.socket.on('end', () => {
      if (this.#phase === 'tunnel') this.#requester?.ended();
      else if (this.#phase === 'body' && this.#body.untilClose) this.#finish();
    });
    // What there is to know about an error, `close` tells.
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      gone(this);
      const requester = this.#requester;
      this.#requester = undefined;
      requester?.lost(this.#begun);
    });
  }

  /** Takes it for one request. */
  attach(requester: Requester): void {
    this.#requester = requester;
    this.#phase = 'head';
    this.#begun = false;
  }

  /** The requester has no use for it any more. */
  abandon(): void {
    this.#requester = undefined;
    this.socket.destroy();
  }

  #receive(chunk: Buffer): void {
    const bytes = this.#held ? Buffer.concat([this.#held, chunk]) : chunk;
    this.#held = undefined;
    let at = 0;
    // Without a requester nothing is expected: an endpoint that talks anyway is not to be reused.
    while (at < bytes.length) {
      const requester = this.#requester;
      if (!requester) {
        this.socket.destroy();
        return;
      }
      if (this.#phase === 'head') at = this.#receiveHead(requester, bytes, at);
      else if (this.#phase === 'body') at = this.#receiveBody(requester, bytes, at, at);
      else {
        requester.write(bytes.subarray(at));
        return;
      }
      if (at < 0) return;
    }
  }

  /** Returns where to go on, or -1: nothing more can be done with these bytes. */
  #receiveHead(requester: Requester, bytes: Buffer, at: number): number {
    const head = this.#head;
    const verdict = parseResponse(bytes, at, head);
    if (verdict === 'incomplete' && bytes.length - at <= MAX_HEAD) {
      this.#held = bytes.subarray(at);
      return -1;
    }
    if (verdict !== 'complete') {
      this.socket.destroy();
      return -1;
    }
    if (head.status === 101) {
      this.#phase = 'tunnel';
      this.#begun = true;
      requester.write(bytes.subarray(at));
      requester.switched();
      return -1;
    }
    if (head.status < 200) {
      this.#begun = true;
      requester.write(bytes.subarray(at, head.end));
      return head.end;
    }
    this.#body.startResponse(head, requester.bodiless);
    this.#phase = 'body';
    this.#begun = true;
    this.#reusable = !head.close && !this.#body.untilClose && (head.minor === 1 || head.keepAlive);
    requester.answered(this.#body.untilClose);
    const line = requester.closing
      ? 'connection: close\r\n\r\n'
      : requester.oldKeepAlive
        ? 'connection: keep-alive\r\n\r\n'
        : undefined;
    const start = compactHead(bytes, head);
    if (line === undefined) return this.#receiveBody(requester, bytes, start, head.end);
    let next = head.end;
    requester.together(() => {
      requester.write(bytes.subarray(start, head.end - 2));
      requester.write(line);
      next = this.#receiveBody(requester, bytes, head.end, head.end);
    });
    return next;
  }

  /** Passes on from `start`; the body's bytes begin at `body`. */
  #receiveBody(requester: Requester, bytes: Buffer, start: number, body: number): number {
    const end = this.#body.scan(bytes, body);
    if (end < 0) {
      this.socket.destroy();
      return -1;
    }
    if (end > start)
      requester.write(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end));
    if (this.#body.done) this.#finish();
    return end;
  }

  #finish(): void {
    const requester = this.#requester;
    this.#requester = undefined;
    if (this.#reusable && requester?.sent && !this.socket.destroyed) {
      this.reused = true;
      this.socket.resume();
      this.#release(this);
    } else {
      this.socket.destroy();
    }
    requester?.finished();
  }
}
