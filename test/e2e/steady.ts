/** What goes on without end while something changes underneath, and must not fail. */
import type { IncomingMessage, request } from 'node:http';
import type { RequestOptions } from 'node:https';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Between two turns of a load. */
const PAUSE_MS = 5;

export interface Options extends RequestOptions {
  /** Told which connection was used. */
  onSocket?: (socket: Socket) => void;
}

/** Throws when there is no answer. */
export async function send(
  by: typeof request,
  { onSocket, ...options }: Options,
  body?: object,
): Promise<{ status: number | undefined; text: string }> {
  return await new Promise((resolve, refuse) => {
    const what = `${options.method ?? 'GET'} ${options.path ?? '/'}`;
    const reject = (error: Error): void => refuse(new Error(`${what}: ${error.message}`, { cause: error }));
    const outgoing = by({ host: '127.0.0.1', timeout: 30_000, ...options }, (answer: IncomingMessage) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => (text += chunk));
      answer.on('error', reject);
      answer.on('end', () => resolve({ status: answer.statusCode, text }));
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer within 30 s')));
    outgoing.on('error', reject);
    if (onSocket) outgoing.on('socket', onSocket);
    outgoing.end(body && JSON.stringify(body));
  });
}

export async function expectOk(...given: Parameters<typeof send>): Promise<string> {
  const [, { method = 'GET', path = '/' }] = given;
  const { status, text } = await send(...given);
  if (!status || status >= 300) throw new Error(`${method} ${path}: ${status} ${text.trim()}`);
  return text;
}

/** Does `work` again and again until it is stopped; failures are kept as text. */
export class Load {
  readonly name: string;
  done = 0;
  readonly failures: string[] = [];
  #going = true;
  readonly #ended: Promise<void>;

  constructor(name: string, work: (i: number) => Promise<unknown>, pause = PAUSE_MS) {
    this.name = name;
    this.#ended = this.#run(work, pause);
  }

  async #run(work: (i: number) => Promise<unknown>, pause: number): Promise<void> {
    for (let i = 0; this.#going; i += 1) {
      await work(i).then(
        () => (this.done += 1),
        (error: unknown) => this.failures.push(`${new Date().toISOString()} turn ${i}: ${error}`),
      );
      await sleep(pause);
    }
  }

  get seen(): number {
    return this.done + this.failures.length;
  }

  async stop(): Promise<void> {
    this.#going = false;
    await this.#ended;
  }
}
