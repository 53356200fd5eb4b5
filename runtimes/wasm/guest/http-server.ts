import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { GuestSpec } from '../messages.ts';
import { type Component, describe, GuestInstance, type Write } from './instance.ts';
import { dispatch, type GuestRequest, type GuestResponse, type IncomingHandler } from './wasi/http.ts';

/** A request's body is held in memory whole; a larger one is refused with 413. */
const MAX_BODY_BYTES = 32 * 1024 * 1024;
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
      this.#answer(request, response).catch((error: unknown) => {
        this.#note(`${request.method} ${request.url}: ${describe(error)}`);
        response.destroy();
      });
    });
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
    this.#server.closeIdleConnections();
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

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request);
    if (body === undefined) {
      response.writeHead(413, { connection: 'close' }).end(`at most ${MAX_BODY_BYTES} bytes\n`);
      return;
    }
    const answer = this.handle({
      method: request.method ?? 'GET',
      url: request.url ?? '/',
      authority: request.headers.host,
      rawHeaders: request.rawHeaders,
      body,
    });
    const length = answer.body.reduce((sum, chunk) => sum + chunk.length, 0);
    const headers = answer.rawHeaders;
    if (!headers.includes('content-length') && hasBody(answer.status))
      headers.push('content-length', String(length));
    if (this.#stopping) headers.push('connection', 'close');
    response.writeHead(answer.status, headers);
    for (const chunk of answer.body) response.write(chunk);
    response.end();
  }

  #note(text: string): void {
    this.#write('stderr', Buffer.from(`orlop: ${text}\n`));
  }
}

function hasBody(status: number): boolean {
  return status >= 200 && status !== 204 && status !== 304;
}

const NOTHING = new Uint8Array();

/** `undefined` when it is too large. */
async function readBody(request: IncomingMessage): Promise<Uint8Array | undefined> {
  if (request.headers['content-length'] === undefined && request.headers['transfer-encoding'] === undefined) {
    return NOTHING;
  }
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
