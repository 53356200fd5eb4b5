import { once } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';

/** Who asks: a bearer token, or a client certificate and its key (PEM). */
export interface ApiCredential {
  token?: string | undefined;
  certificate?: string | undefined;
  key?: string | undefined;
}

export interface Answer {
  readonly code: number;
  readonly headers: IncomingHttpHeaders;
  // biome-ignore lint/suspicious/noExplicitAny: what is in it is what is looked at
  readonly body: any;
}

/** An event of a watch. */
export interface Event {
  readonly type: string;
  // biome-ignore lint/suspicious/noExplicitAny: what is in it is what is looked at
  readonly object: any;
}

/** A watch that is followed. */
export interface Following {
  /** What has come so far. */
  readonly events: readonly Event[];
  ended(): boolean;
  close(): void;
}

export interface Asking {
  /** Sent as JSON; a string as it is. */
  body?: unknown;
  type?: string;
  accept?: string;
  headers?: Record<string, string>;
}

const PATIENCE_MS = 20_000;

/** A client of the API, as one user. */
export class Api {
  readonly #url: string;
  readonly #credential: ApiCredential;
  readonly #agent: Agent;

  constructor(url: string, ca: string, credential: ApiCredential) {
    const { certificate, key } = credential;
    this.#url = url;
    this.#credential = credential;
    this.#agent = new Agent({
      keepAlive: true,
      ca,
      ...(certificate === undefined ? {} : { cert: certificate }),
      ...(key === undefined ? {} : { key }),
    });
  }

  close(): void {
    this.#agent.destroy();
  }

  async ask(method: string, path: string, asking: Asking = {}): Promise<Answer> {
    const response = await this.#begin(method, path, asking);
    let text = '';
    for await (const chunk of response.setEncoding('utf8')) text += String(chunk);
    const answer = {
      code: response.statusCode ?? 0,
      body: parsed(text),
    };
    // They are not worth telling when something else is wrong.
    return Object.defineProperty(answer, 'headers', { value: response.headers }) as Answer;
  }

  get(path: string, accept = 'application/json'): Promise<Answer> {
    return this.ask('GET', path, { accept });
  }

  post(path: string, body: unknown): Promise<Answer> {
    return this.ask('POST', path, { body });
  }

  put(path: string, body: unknown): Promise<Answer> {
    return this.ask('PUT', path, { body });
  }

  /** `type`: json, merge, strategic-merge or apply. */
  patch(path: string, type: string, body: unknown): Promise<Answer> {
    const suffix = type === 'apply' ? 'yaml' : 'json';
    const prefix = type === 'json' ? 'json-patch' : `${type}-patch`;
    return this.ask('PATCH', path, { body, type: `application/${prefix}+${suffix}` });
  }

  delete(path: string, body?: unknown): Promise<Answer> {
    return this.ask('DELETE', path, { body });
  }

  /** Follows a watch: what comes is added to `events`, until `close`. Rejects unless it begins. */
  async watch(path: string): Promise<Following> {
    const response = await this.#begin('GET', path, {}, true);
    if (response.statusCode !== 200) throw new Error(`a watch of ${path} is answered ${response.statusCode}`);
    const events: Event[] = [];
    let rest = '';
    response.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = `${rest}${chunk}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) events.push(JSON.parse(line) as Event);
    });
    response.on('error', () => {});
    return { events, ended: () => response.closed, close: () => void response.destroy() };
  }

  async #begin(
    method: string,
    path: string,
    { body, type = 'application/json', accept = 'application/json', headers = {} }: Asking,
    isLong = false,
  ): Promise<IncomingMessage> {
    const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
    // Node does not frame the body of a DELETE by itself.
    const sized =
      text === undefined ? {} : { 'content-type': type, 'content-length': String(Buffer.byteLength(text)) };
    const { token } = this.#credential;
    const outgoing = request(`${this.#url}${path}`, {
      method,
      agent: this.#agent,
      headers: {
        accept,
        ...sized,
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...headers,
      },
      ...(isLong ? {} : { signal: AbortSignal.timeout(PATIENCE_MS) }),
    });
    outgoing.end(text);
    const begun = { signal: AbortSignal.timeout(PATIENCE_MS) };
    const [response] = (await once(outgoing, 'response', begun)) as [IncomingMessage];
    return response;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
