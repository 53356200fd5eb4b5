/** A small HTTP/1.1 client over TLS, so that what is measured is the server: no streams, no header objects, no connection pool. */
import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';

export interface Endpoint {
  host: string;
  port: number;
  /** PEM. */
  ca: string;
  cert: string;
  key: string;
  /** Absent: true. */
  rejectUnauthorized?: boolean;
}

export interface Answer {
  status: number;
  body: Buffer;
}

const END_OF_HEAD = Buffer.from('\r\n\r\n');

/** One connection with one request at a time. Answers must have a Content-Length. */
export class Connection {
  readonly #socket: TLSSocket;
  readonly #head: string;
  #received: ((chunk: Buffer) => void) | undefined;
  #failed: ((error: Error) => void) | undefined;

  private constructor(socket: TLSSocket, { host, port }: Endpoint) {
    this.#socket = socket;
    this.#head = `Host: ${host}:${port}\r\nUser-Agent: bench\r\nAccept: application/json\r\n`;
    socket.on('data', (chunk: Buffer) => this.#received?.(chunk));
    socket.on('error', (error) => this.#failed?.(error));
    socket.on('close', () => this.#failed?.(new Error('the server closed the connection')));
  }

  static async open(endpoint: Endpoint): Promise<Connection> {
    const socket = connect({ ...endpoint, ALPNProtocols: ['http/1.1'] });
    await once(socket, 'secureConnect');
    socket.setNoDelay(true);
    return new Connection(socket, endpoint);
  }

  static openMany(endpoint: Endpoint, count: number): Promise<Connection[]> {
    return Promise.all(Array.from({ length: count }, () => Connection.open(endpoint)));
  }

  request(method: string, path: string, body = '', type = 'application/json'): Promise<Answer> {
    const answer = new Promise<Answer>((resolve, reject) => {
      this.#failed = reject;
      let status = 0;
      let left = 0;
      let parts: Buffer[] = [];
      this.#received = (chunk) => {
        parts.push(chunk);
        if (status === 0) {
          const head = parts.length === 1 ? chunk : Buffer.concat(parts);
          const end = head.indexOf(END_OF_HEAD);
          if (end < 0) return;
          const text = head.toString('latin1', 0, end);
          status = Number(text.slice(9, 12));
          const length = /\r\ncontent-length: *(\d+)/i.exec(text)?.[1];
          if (length === undefined) return reject(new Error(`an answer without a length: ${text}`));
          parts = [head.subarray(end + END_OF_HEAD.length)];
          left = Number(length) - parts[0]!.length;
        } else left -= chunk.length;
        if (left <= 0) resolve({ status, body: parts.length === 1 ? parts[0]! : Buffer.concat(parts) });
      };
    });
    const content =
      body === ''
        ? '\r\n'
        : `Content-Type: ${type}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
    this.#socket.write(`${method} ${path} HTTP/1.1\r\n${this.#head}${content}`);
    return answer;
  }

  /** As `request`, of JSON; throws for a status that is not 2xx. */
  async ask<T>(method: string, path: string, body?: object): Promise<T> {
    const answer = await this.request(method, path, body && JSON.stringify(body));
    if (answer.status >= 300)
      throw new Error(`${method} ${path}: ${answer.status} ${answer.body.toString()}`);
    return JSON.parse(answer.body.toString()) as T;
  }

  /** Resolves when the stream has begun; `received` gets its bytes as they come. */
  async stream(path: string, received: (chunk: Buffer) => void): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#failed = reject;
      this.#received = (chunk) => {
        const head = chunk.toString('latin1');
        if (!head.startsWith('HTTP/1.1 200')) return reject(new Error(head));
        this.#received = received;
        received(chunk);
        resolve();
      };
      this.#socket.write(`GET ${path} HTTP/1.1\r\n${this.#head}\r\n`);
    });
  }

  close(): void {
    this.#failed = undefined;
    this.#socket.destroy();
  }
}
