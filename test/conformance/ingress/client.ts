import { once } from 'node:events';
import { type Agent, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { request as requestTls } from 'node:https';

/** Where to connect. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface Question {
  /** Of the Host header, and the server name over TLS. */
  host: string;
  /** Default `/`. */
  path?: string;
  method?: string;
  headers?: Record<string, string>;
  /** Sent with its length; in chunks where it is a list. */
  body?: string | readonly string[];
  agent?: Agent;
  /** Over TLS, trusting this CA's certificate (PEM) only. */
  ca?: string;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  /** It came over a connection that had been used before. */
  reused: boolean;
}

const PATIENCE_MS = 20_000;

/** One request; rejects when the connection ends before a whole answer. */
export async function ask(at: Address, question: Question): Promise<Answer> {
  const { answer, reused } = await begin(at, question);
  let text = '';
  for await (const chunk of answer) text += String(chunk);
  return { status: answer.statusCode ?? 0, headers: answer.headers, text, reused };
}

/** One request, until the head of its answer. */
export async function begin(
  at: Address,
  { host, path = '/', method = 'GET', headers = {}, body, agent, ca }: Question,
): Promise<{ answer: IncomingMessage; reused: boolean }> {
  // Node does not frame the body of a DELETE by itself.
  const length = typeof body === 'string' ? { 'content-length': String(Buffer.byteLength(body)) } : {};
  const options = {
    ...at,
    path,
    method,
    headers: { host, ...length, ...headers },
    agent: agent ?? (false as const),
    signal: AbortSignal.timeout(PATIENCE_MS),
  };
  const outgoing = ca === undefined ? request(options) : requestTls({ ...options, servername: host, ca });
  if (typeof body === 'object') for (const part of body) outgoing.write(part);
  outgoing.end(typeof body === 'string' ? body : undefined);
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
  return { answer, reused: outgoing.reusedSocket };
}
