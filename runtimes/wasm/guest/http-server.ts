import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { GuestSpec } from '../messages.ts';
import { type Component, describe, GuestInstance, type Write } from './instance.ts';
import { dispatch, type GuestRequest, type GuestResponse, type IncomingHandler } from './wasi/http.ts';

/** A request's body is held in memory whole; a larger one is refused with 413. */
const MAX_BODY_BYTES = 32 * 1024 * 1024;
const SMALL_BYTES = 16 * 1024;
/** Longer than what connects to pods keeps idle connections: the side that ends one should be the side that knows. */
const KEEP_ALIVE_MS = 75_000;
/**
 * After stop, requests are still accepted for this long: whoever routes to the pod learns about its end at the same time as this
 * runtime does, and a connection refused in between would be a failed request.
 */
const LAME_DUCK_MS = 200;

/**
 * Serves an HTTP component. One instance answers one request after the other; calls are synchronous, so two never meet in it. After a
 * trap the instance is replaced.
 */
export class GuestServer {
  readonly #component: Component;
  readonly #spec: GuestSpec;
  readonly #write: Write;
  readonly #server: Server;
  #instance: GuestInstance;
  #stopping = false;

  constructor(component: Component, spec: GuestSpec, write: Write) {
    this.#component = component;
    this.#spec = spec;
    this.#write = write;
    this.#instance = new GuestInstance(component, spec, write, undefined);
    this.#server = createServer((request, response) => {
      if (!announcesBody(request.rawHeaders)) return this.#answer(request, response, NOTHING);
      readBody(request).then(
        (body) => this.#answer(request, response, body),
        // The client left before its request was whole.
        () => response.destroy(),
      );
    });
    this.#server.keepAliveTimeout = KEEP_ALIVE_MS;
  }

  listen({ host, port }: { host: string; port: number }): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error: NodeJS.ErrnoException) => {
        reject(
          new Error(`cannot listen on ${host}:${port}: ${error.code ?? error.message}`, { cause: error }),
        );
      });
      this.#server.listen(port, host, resolve);
    });
  }

  /** Resolves when the last request is answered. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await sleep(LAME_DUCK_MS);
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeIdleConnections();
    });
  }

  /** Calls the guest. What it throws becomes status 500 and a line in the log. */
  handle(request: GuestRequest): GuestResponse {
    try {
      const handler = this.#instance.exports[this.#spec.exportName] as IncomingHandler;
      return dispatch(handler, request);
    } catch (error) {
      const ending = this.#instance.ending(error);
      this.#note(
        `${request.method} ${request.url}: ${ending.message ?? `the guest called exit(${ending.exitCode})`}`,
      );
      this.#instance = new GuestInstance(this.#component, this.#spec, this.#write, undefined);
      const text = 'The WebAssembly component failed to answer; its log says why.\n';
      return { status: 500, rawHeaders: ['content-type', 'text/plain'], body: [Buffer.from(text)] };
    } finally {
      this.#instance.measure();
    }
  }

  /** `body` undefined: it is too large. */
  #answer(request: IncomingMessage, response: ServerResponse, body: Uint8Array | undefined): void {
    if (body === undefined) {
      response.writeHead(413, { connection: 'close' }).end(`at most ${MAX_BODY_BYTES} bytes\n`);
      return;
    }
    const { method = 'GET', url = '/', rawHeaders } = request;
    const answer = this.handle({ method, url, rawHeaders, body });
    const headers = answer.rawHeaders;
    const whole = answer.body.length === 1 ? answer.body[0]! : Buffer.concat(answer.body);
    if (allowsBody(answer.status) && !headers.includes('content-length')) {
      headers.push('content-length', String(whole.length));
    }
    if (this.#stopping) headers.push('connection', 'close');
    try {
      response.writeHead(answer.status, headers);
      // Small bodies as strings: Node.js then sends head and body by one cheap write instead of a writev.
      if (whole.length > SMALL_BYTES) response.end(whole);
      else
        response.end(Buffer.from(whole.buffer, whole.byteOffset, whole.length).toString('latin1'), 'latin1');
    } catch (error) {
      this.#note(`${method} ${url}: ${describe(error)}`);
      response.destroy();
    }
  }

  #note(text: string): void {
    this.#write('stderr', Buffer.from(`orlop: ${text}\n`));
  }
}

function allowsBody(status: number): boolean {
  return status >= 200 && status !== 204 && status !== 304;
}

const NOTHING = new Uint8Array();
const ANNOUNCES_BODY = /^(content-length|transfer-encoding)$/i;

function announcesBody(rawHeaders: readonly string[]): boolean {
  for (let i = 0; i < rawHeaders.length; i += 2) if (ANNOUNCES_BODY.test(rawHeaders[i]!)) return true;
  return false;
}

/** `undefined` when it is too large. */
async function readBody(request: IncomingMessage): Promise<Uint8Array | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
