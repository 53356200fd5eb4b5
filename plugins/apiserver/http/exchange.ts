import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Status, UserInfo } from 'orlop/plugin';
import { stringify } from 'yaml';
import { prefersYaml } from './accept.ts';
import { flag } from './options.ts';

const compress = promisify(gzip);
/** Source: apiserver `responsewriters`, `defaultGzipThresholdBytes`. */
const GZIP_THRESHOLD = 128 * 1024;
const JSON_TYPE = 'application/json';
const YAML_TYPE = 'application/yaml';
/** Larger answers are not written anew for people; JSON is YAML as it is. */
const MOST_READABLE = 1024 * 1024;

/** The connection of a request to upgrade, and what came on it after the request. */
export interface Upgrade {
  readonly socket: Duplex;
  readonly head: Buffer;
}

/** One request and its answer. Handlers write straight to the node response. */
export class Exchange {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly method: string;
  /** Percent-encoded still. */
  readonly pathname: string;
  readonly query: URLSearchParams;
  user: UserInfo = { username: 'system:anonymous', groups: ['system:unauthenticated'] };
  /** Of a request with `Connection: Upgrade` only. */
  readonly upgrade: Upgrade | undefined;
  readonly #warnings = new Set<string>();
  #abort: AbortController | undefined;

  constructor(incoming: IncomingMessage, outgoing: ServerResponse, upgrade?: Upgrade) {
    this.incoming = incoming;
    this.outgoing = outgoing;
    this.upgrade = upgrade;
    this.method = incoming.method ?? 'GET';
    const url = incoming.url ?? '/';
    const mark = url.indexOf('?');
    this.pathname = mark < 0 ? url : url.slice(0, mark);
    this.query = new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1));
  }

  header(name: string): string {
    const value = this.incoming.headers[name];
    return typeof value === 'string' ? value : (value?.[0] ?? '');
  }

  /** The connection, for another protocol; there is no answer to give any more. */
  takeOver(): Upgrade {
    if (!this.upgrade) throw new Error('the request asks for no upgrade');
    this.outgoing.detachSocket(this.upgrade.socket as Socket);
    return this.upgrade;
  }

  /** Aborted when the client has gone before its answer was complete. */
  get signal(): AbortSignal {
    if (!this.#abort) {
      const abort = new AbortController();
      this.#abort = abort;
      if (this.outgoing.closed) abort.abort();
      else this.outgoing.once('close', () => abort.abort());
    }
    return this.#abort.signal;
  }

  /** Shown by kubectl as `Warning: ...`; sent with the answer. Source: RFC 7234 warn-code 299. */
  warn(text: string): void {
    this.#warnings.add(text);
  }

  json(code: number, body: object, type: string = JSON_TYPE): Promise<void> {
    return this.bytes(code, JSON.stringify(body), type);
  }

  status(status: Status): Promise<void> {
    const { retryAfterSeconds } = status.details ?? {};
    const headers = retryAfterSeconds ? { 'Retry-After': String(retryAfterSeconds) } : {};
    return this.bytes(status.code, JSON.stringify(status), JSON_TYPE, headers as Record<string, string>);
  }

  async bytes(
    code: number,
    body: Uint8Array | string,
    type: string = JSON_TYPE,
    headers: Record<string, string> = {},
  ): Promise<void> {
    let content = typeof body === 'string' ? Buffer.from(body) : body;
    const isYaml = type === JSON_TYPE && prefersYaml(this.header('accept'));
    if (isYaml || (type === JSON_TYPE && this.#isPretty())) content = readable(content, isYaml);
    const all: Record<string, string | number | string[]> = {
      'Content-Type': isYaml ? YAML_TYPE : type,
      ...headers,
      ...this.#warningHeaders(),
    };
    if (content.length > GZIP_THRESHOLD && /\bgzip\b/.test(this.header('accept-encoding'))) {
      content = await compress(content, { level: 1 });
      all['Content-Encoding'] = 'gzip';
      all['Vary'] = 'Accept-Encoding';
    }
    if (this.outgoing.destroyed) return;
    all['Content-Length'] = content.length;
    this.outgoing.writeHead(code, all);
    this.outgoing.end(this.method === 'HEAD' ? undefined : content);
  }

  /** Begins an answer without a known length. */
  stream(type: string): ServerResponse {
    this.outgoing.writeHead(200, {
      'Content-Type': type,
      'Cache-Control': 'no-cache, private',
      ...this.#warningHeaders(),
    });
    this.outgoing.flushHeaders();
    return this.outgoing;
  }

  /** Source: apiserver `endpoints/handlers/negotiation`, `isPrettyPrint`: people read what these fetch. */
  #isPretty(): boolean {
    if (this.query.get('pretty')) return flag(this.query, 'pretty') === true;
    return /^(?:curl|Wget|Mozilla\/5\.0)/.test(this.header('user-agent'));
  }

  #warningHeaders(): Record<string, string[]> {
    if (this.#warnings.size === 0) return {};
    return { Warning: [...this.#warnings].map((text) => `299 - ${JSON.stringify(printable(text))}`) };
  }
}

function readable(json: Uint8Array, isYaml: boolean): Uint8Array {
  if (json.length > MOST_READABLE) return json;
  const value = JSON.parse(Buffer.from(json.buffer, json.byteOffset, json.byteLength).toString()) as unknown;
  return Buffer.from(
    isYaml ? stringify(value, { aliasDuplicateObjects: false }) : `${JSON.stringify(value, null, 2)}\n`,
  );
}

/** Header values hold one line of Latin-1; upstream drops what does not print. */
function printable(text: string): string {
  return text
    .replaceAll(/[\r\n\t]+/g, ' ')
    .replaceAll(/[^\x20-\x7e]/g, '?')
    .slice(0, 4096);
}
