import type { Socket } from 'node:net';
import type { Endpoint, Pick } from 'orlop/plugin';
import { Body } from './body.ts';
import { Head, parseRequest } from './head.ts';
import type { Pool } from './pool.ts';
import { errorResponse } from './responses.ts';
import { destination, requestHead } from './rewrite.ts';
import type { Backend } from './routes.ts';
import { MAX_HEAD, type Requester, type Upstream } from './upstream.ts';

const IDLE_MS = 75_000;
const HEAD_MS = 30_000;
const CONNECT_MS = 3_000;
const ANSWER_MS = 60_000;
/** How long a client may take to hear the end of a refusal before its connection is cut. */
const LINGER_MS = 2_000;
const MAX_ATTEMPTS = 4;
const REPEATABLE = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

export type Scheme = 'http' | 'https';

/** What the connections of one proxy share. */
export interface Surroundings {
  readonly pool: Pool;
  route(host: string, path: string): Backend | undefined;
  pick(backend: Backend, not: readonly Endpoint[]): Pick | undefined;
  /** Milliseconds, coarse. */
  now(): number;
  /** What becomes of a connection when its response is complete. */
  readonly fate: 'kept' | 'passed on' | 'ended';
  /** Gives an idle connection to the successor. */
  passOn(socket: Socket, scheme: Scheme): void;
  closed(downstream: Downstream): void;
}

/**
 * idle: between requests. connecting: a request waits for its endpoint. body: it is being passed on. answer: it has been, and the response is
 * awaited or under way. tunnel: bytes pass both ways. closing: the last response has been written.
 */
type State = 'idle' | 'connecting' | 'body' | 'answer' | 'tunnel' | 'closing';

/** One client's connection: a request at a time, each to the endpoint chosen for it. */
export class Downstream implements Requester {
  bodiless = false;
  closing = false;
  oldKeepAlive = false;
  /** When the present wait is over, by the proxy's clock. */
  deadline: number;
  readonly #around: Surroundings;
  readonly #socket: Socket;
  readonly #scheme: Scheme;
  readonly #listeners: readonly (readonly [event: string, listener: (chunk: Buffer) => void])[];
  /** Header lines that tell the endpoint of the client. */
  readonly #client: string;
  readonly #head = new Head();
  readonly #body = new Body();
  #state: State = 'idle';
  /** Received, but not for now. */
  #held: Buffer | undefined;
  #backend: Backend | undefined;
  #request = '';
  #repeatable = false;
  #tried: Endpoint[] = [];
  #attempts = 0;
  #answered = false;
  #pick: Pick | undefined;
  #upstream: Upstream | undefined;

  constructor(around: Surroundings, socket: Socket, scheme: Scheme) {
    this.#around = around;
    this.#socket = socket;
    this.#scheme = scheme;
    this.deadline = around.now() + HEAD_MS;
    const address = (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
    this.#client = `x-real-ip: ${address}\r\nx-forwarded-for: ${address}\r\nx-forwarded-proto: ${scheme}\r\n`;
    socket.allowHalfOpen = true;
    this.#listeners = [
      ['data', (chunk) => this.#receive(chunk)],
      ['drain', () => this.#upstream?.socket.resume()],
      ['end', () => this.#clientEnded()],
      ['error', () => {}],
      ['close', () => this.#clientClosed()],
    ];
    for (const [event, listener] of this.#listeners) socket.on(event, listener);
    socket.setNoDelay(true);
    // One that was passed on is paused.
    socket.resume();
  }

  /** The request has been passed on whole. */
  get sent(): boolean {
    return this.#body.done;
  }

  /** The proxy has stopped: the connection goes to its successor or ends, when its present response is complete. */
  finish(): void {
    if (this.#state !== 'idle') return;
    if (this.#around.fate === 'passed on') this.#passOn();
    else if (!this.#held) this.#end();
  }

  #passOn(): void {
    const socket = this.#socket;
    socket.pause();
    for (const [event, listener] of this.#listeners) socket.off(event, listener);
    if (this.#held) socket.unshift(this.#held);
    this.#state = 'closing';
    this.#around.passOn(socket, this.#scheme);
    this.#around.closed(this);
  }

  /** The deadline has passed. */
  expire(): void {
    if (this.#state === 'connecting') this.#upstream?.socket.destroy();
    else if (this.#state === 'answer' && !this.#answered) {
      this.#letGo();
      this.#respond(504, `no answer from ${this.#place()} within ${ANSWER_MS / 1000} s`);
    } else if (this.#state === 'idle' && this.#held) this.#respond(408, 'the request did not arrive in time');
    else if (this.#state === 'idle') this.#end();
    else this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    switch (this.#state) {
      case 'tunnel':
        if (!this.#upstream!.socket.write(chunk)) this.#socket.pause();
        return;
      case 'closing':
        return;
      case 'body':
        this.#passBody(chunk);
        return;
      default: {
        const bytes = this.#held ? Buffer.concat([this.#held, chunk]) : chunk;
        this.#held = bytes;
        if (this.#state === 'idle') this.#next();
        else if (bytes.length > MAX_HEAD) this.#socket.pause();
      }
    }
  }

  /** Looks for a request in what is held. */
  #next(): void {
    const bytes = this.#held;
    if (!bytes) return;
    const verdict = parseRequest(bytes, 0, this.#head);
    if (verdict === 'incomplete') {
      if (bytes.length > MAX_HEAD) this.#respond(431, `a request's head may have ${MAX_HEAD} bytes`);
      else if (this.deadline > this.#around.now() + HEAD_MS) this.deadline = this.#around.now() + HEAD_MS;
      return;
    }
    if (verdict === 'bad') {
      this.#respond(400, 'this is not a well-formed HTTP/1.1 request');
      return;
    }
    const head = this.#head;
    this.#held = head.end < bytes.length ? bytes.subarray(head.end) : undefined;
    this.bodiless = head.method === 'HEAD';
    const keep = head.minor === 1 ? !head.close : head.keepAlive;
    this.closing = !keep || this.#around.fate === 'ended';
    this.oldKeepAlive = head.minor === 0 && keep;
    this.#body.startRequest(head);
    const target = destination(bytes, head);
    if (!target || head.method === 'CONNECT') {
      this.#respond(400, 'this target is not served here');
      return;
    }
    this.#backend = this.#around.route(target.host, target.path);
    if (!this.#backend) {
      this.#respond(404, `no Ingress has a rule for ${target.host}${target.path}`);
      return;
    }
    const host = `x-forwarded-host: ${target.host}\r\n`;
    const upgrade = head.upgrade ? 'connection: upgrade\r\n' : '';
    this.#request = requestHead(bytes, head, `${this.#client}${host}${upgrade}`);
    this.#repeatable = this.#body.done && REPEATABLE.has(head.method);
    this.#tried = [];
    this.#attempts = 0;
    this.#answered = false;
    this.#send();
  }

  /** Chooses an endpoint and sends it the request, or waits for the connection. */
  #send(): void {
    this.#attempts += 1;
    const pick = this.#around.pick(this.#backend!, this.#tried);
    if (!pick) {
      if (this.#tried.length > 0) this.#respond(502, `no endpoint of ${this.#place()} took the request`);
      else this.#respond(503, `${this.#place()} has no ready endpoint`);
      return;
    }
    this.#pick = pick;
    const { pool } = this.#around;
    const idle = this.#attempts === 1 ? pool.take(pick.endpoint, this.#repeatable) : undefined;
    const upstream = idle ?? pool.open(pick.endpoint);
    this.#upstream = upstream;
    upstream.attach(this);
    this.#state = 'connecting';
    this.deadline = this.#around.now() + CONNECT_MS;
    if (upstream.connected) this.connected();
  }

  connected(): void {
    const { socket } = this.#upstream!;
    this.#state = this.#body.done ? 'answer' : 'body';
    this.deadline = this.#around.now() + ANSWER_MS;
    const held = this.#held;
    if (this.#body.done || !held) {
      socket.write(this.#request, 'latin1');
      return;
    }
    this.#held = undefined;
    socket.cork();
    socket.write(this.#request, 'latin1');
    this.#passBody(held);
    socket.uncork();
    if (this.#socket.isPaused()) this.#socket.resume();
  }

  #passBody(bytes: Buffer): void {
    const end = this.#body.scan(bytes, 0);
    if (end < 0) {
      this.#socket.destroy();
      return;
    }
    const { socket } = this.#upstream!;
    this.deadline = this.#around.now() + ANSWER_MS;
    if (end > 0 && !socket.write(end === bytes.length ? bytes : bytes.subarray(0, end))) this.#socket.pause();
    if (end < bytes.length) this.#held = bytes.subarray(end);
    if (this.#body.done) this.#state = 'answer';
  }

  drained(): void {
    this.#socket.resume();
  }

  write(bytes: Buffer | string): void {
    if (!this.#socket.write(bytes as Buffer, 'latin1' as BufferEncoding)) this.#upstream?.socket.pause();
  }

  together(work: () => void): void {
    this.#socket.cork();
    work();
    this.#socket.uncork();
  }

  answered(untilClose: boolean): void {
    this.#answered = true;
    // A response that comes before the request has been sent whole ends the connection: the rest is not to be read as a request.
    if (untilClose || !this.#body.done || this.#around.fate === 'ended') this.closing = true;
    this.deadline = Number.POSITIVE_INFINITY;
  }

  switched(): void {
    this.#state = 'tunnel';
    this.deadline = Number.POSITIVE_INFINITY;
    const held = this.#held;
    this.#held = undefined;
    if (held) this.#upstream!.socket.write(held);
    this.#socket.resume();
  }

  finished(): void {
    this.#release();
    this.#upstream = undefined;
    if (this.closing) {
      this.#end();
      return;
    }
    this.#becomeIdle();
  }

  #becomeIdle(): void {
    this.#state = 'idle';
    this.deadline = this.#around.now() + IDLE_MS;
    if (this.#around.fate === 'passed on') {
      this.#passOn();
      return;
    }
    if (this.#socket.isPaused()) this.#socket.resume();
    this.#next();
  }

  ended(): void {
    this.#socket.end();
  }

  lost(begun: boolean): void {
    const upstream = this.#upstream!;
    const waiting = this.#state === 'connecting';
    this.#upstream = undefined;
    this.#release();
    if (this.#state === 'tunnel') this.#socket.end();
    else if (begun || this.#socket.destroyed) this.#socket.destroy();
    else if (this.#attempts < MAX_ATTEMPTS && (waiting || this.#repeatable)) {
      // An idle connection that the endpoint closed says nothing about the endpoint.
      if (!upstream.reused) this.#tried.push(upstream.endpoint);
      this.#send();
    } else this.#respond(502, `${this.#place()} closed the connection without an answer`);
  }

  /** An answer of our own. The connection is kept only if the request's end is known. */
  #respond(status: number, text: string): void {
    if (!this.#body.done || status === 400 || status === 408 || status === 431) this.closing = true;
    this.#socket.write(errorResponse(status, text, { close: this.closing, bodiless: this.bodiless }));
    this.#upstream = undefined;
    if (this.closing) {
      this.#end();
      return;
    }
    this.#becomeIdle();
  }

  #end(): void {
    this.#state = 'closing';
    this.#held = undefined;
    this.deadline = this.#around.now() + LINGER_MS;
    this.#socket.end();
    this.#socket.resume();
  }

  #clientEnded(): void {
    if (this.#state === 'tunnel') this.#upstream?.socket.end();
    else if (this.#state === 'idle') this.#end();
    else if (this.#state === 'body') this.#socket.destroy();
    else this.closing = true;
  }

  #clientClosed(): void {
    this.#around.closed(this);
    this.#letGo();
  }

  #letGo(): void {
    this.#upstream?.abandon();
    this.#upstream = undefined;
    this.#release();
  }

  #release(): void {
    this.#pick?.release();
    this.#pick = undefined;
  }

  #place(): string {
    const { namespace, service, port } = this.#backend!;
    return `Service ${namespace}/${service} port ${port}`;
  }
}
