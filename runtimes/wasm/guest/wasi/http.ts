import { Fields } from './http-fields.ts';
import { alwaysReady, InputStream, OutputStream, type Pollable, WasiError } from './io.ts';

/** One request, its body read whole. */
export interface GuestRequest {
  /** As on the wire, e.g. `GET`. */
  method: string;
  /** Path with query. */
  url: string;
  rawHeaders: readonly string[];
  body: Uint8Array;
}

export interface GuestResponse {
  status: number;
  rawHeaders: string[];
  body: Uint8Array[];
}

/** The export `wasi:http/incoming-handler` of an instance. */
export interface IncomingHandler {
  handle(request: IncomingRequest, out: ResponseOutparam): void;
}

type Method = { tag: string; val?: string };
type Result<T> = { tag: 'ok'; val: T } | { tag: 'err'; val: unknown };

const METHODS = new Set(['get', 'head', 'post', 'put', 'delete', 'connect', 'options', 'trace', 'patch']);

class IncomingRequest {
  readonly #request: GuestRequest;

  constructor(request: GuestRequest) {
    this.#request = request;
  }

  method(): Method {
    const name = this.#request.method.toLowerCase();
    return METHODS.has(name) ? { tag: name } : { tag: 'other', val: this.#request.method };
  }

  pathWithQuery(): string {
    return this.#request.url;
  }

  scheme(): { tag: 'HTTP' } {
    return { tag: 'HTTP' };
  }

  authority(): string | undefined {
    const { rawHeaders } = this.#request;
    const at = rawHeaders.findIndex((name, i) => i % 2 === 0 && /^host$/i.test(name));
    return at === -1 ? undefined : rawHeaders[at + 1];
  }

  headers(): Fields {
    return Fields.received(this.#request.rawHeaders);
  }

  consume(): IncomingBody {
    return new IncomingBody(this.#request.body);
  }
}

class IncomingBody {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  stream(): InputStream {
    return InputStream.of(this.#bytes);
  }

  static finish(): FutureTrailers {
    return new FutureTrailers();
  }
}

class FutureTrailers {
  subscribe(): Pollable {
    return alwaysReady;
  }

  get(): Result<Result<undefined>> {
    return { tag: 'ok', val: { tag: 'ok', val: undefined } };
  }
}

class OutgoingBody {
  readonly chunks: Uint8Array[] = [];

  write(): OutputStream {
    // Copied: the bytes are a view of the guest's memory.
    return new OutputStream((bytes) => this.chunks.push(bytes.slice()));
  }

  static finish(): void {}
}

class OutgoingResponse {
  readonly fields: Fields;
  status = 200;
  outgoing: OutgoingBody | undefined;

  constructor(fields: Fields) {
    this.fields = fields;
  }

  statusCode(): number {
    return this.status;
  }

  setStatusCode(status: number): void {
    if (status < 200 || status > 999) throw new WasiError(undefined);
    this.status = status;
  }

  headers(): Fields {
    return this.fields;
  }

  body(): OutgoingBody {
    if (this.outgoing !== undefined) throw new WasiError(undefined);
    this.outgoing = new OutgoingBody();
    return this.outgoing;
  }
}

class ResponseOutparam {
  result: Result<OutgoingResponse> | undefined;

  static set(out: ResponseOutparam, result: Result<OutgoingResponse>): void {
    out.result = result;
  }
}

/** A guest may build an outgoing request; sending it is refused. */
class OutgoingRequest {
  readonly #headers: Fields;
  #method: Method = { tag: 'get' };
  #path: string | undefined;
  #scheme: unknown;
  #authority: string | undefined;

  constructor(headers: Fields) {
    this.#headers = headers;
  }

  body(): OutgoingBody {
    return new OutgoingBody();
  }

  method(): Method {
    return this.#method;
  }

  setMethod(method: Method): void {
    this.#method = method;
  }

  pathWithQuery(): string | undefined {
    return this.#path;
  }

  setPathWithQuery(path: string | undefined): void {
    this.#path = path;
  }

  scheme(): unknown {
    return this.#scheme;
  }

  setScheme(scheme: unknown): void {
    this.#scheme = scheme;
  }

  authority(): string | undefined {
    return this.#authority;
  }

  setAuthority(authority: string | undefined): void {
    this.#authority = authority;
  }

  headers(): Fields {
    return this.#headers;
  }
}

class RequestOptions {
  connectTimeout(): undefined {}
  setConnectTimeout(): void {}
  firstByteTimeout(): undefined {}
  setFirstByteTimeout(): void {}
  betweenBytesTimeout(): undefined {}
  setBetweenBytesTimeout(): void {}
}

class FutureIncomingResponse {}

class IncomingResponse {}

/** wasi:http, the same for every instance. `refused` is told when a guest tries to send a request. */
export function http(refused: () => void): Record<string, object> {
  return {
    'wasi:http/types': {
      Fields,
      IncomingRequest,
      IncomingBody,
      FutureTrailers,
      OutgoingBody,
      OutgoingResponse,
      ResponseOutparam,
      OutgoingRequest,
      RequestOptions,
      FutureIncomingResponse,
      IncomingResponse,
      httpErrorCode: () => undefined,
    },
    'wasi:http/outgoing-handler': {
      handle(): never {
        refused();
        throw new WasiError({ tag: 'HTTP-request-denied' });
      },
    },
  };
}

/** Calls the guest with one request. Throws what the guest throws (a trap), or an `Error` when it gave no answer. */
export function dispatch(handler: IncomingHandler, request: GuestRequest): GuestResponse {
  const out = new ResponseOutparam();
  handler.handle(new IncomingRequest(request), out);
  if (out.result === undefined) throw new Error('the guest returned without a response');
  if (out.result.tag === 'err') throw new Error(`the guest answered with ${JSON.stringify(out.result.val)}`);
  const response = out.result.val;
  return {
    status: response.status,
    rawHeaders: response.fields.toRaw(),
    body: response.outgoing?.chunks ?? [],
  };
}
