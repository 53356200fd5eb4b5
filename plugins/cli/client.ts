import { Agent, request } from 'node:https';
import { type Json, type Status, StatusError } from 'orlop/plugin';
import type { Credentials } from './kubeconfig.ts';

/** A minimal client of the cluster's HTTP API, as kubectl would reach it. */
export interface ApiClient {
  get<T>(path: string): Promise<T>;
  /** Server-side apply as field manager `orlop`; the object as it is now. */
  apply<T>(path: string, object: Json): Promise<T>;
  close(): void;
}

export function apiClient(credentials: Credentials): ApiClient {
  const agent = new Agent({
    keepAlive: true,
    ca: credentials.ca,
    cert: credentials.certificate,
    key: credentials.key,
  });

  function call<T>(method: string, path: string, body?: Json): Promise<T> {
    return new Promise((resolve, reject) => {
      const headers = body === undefined ? {} : { 'content-type': 'application/apply-patch+yaml' };
      const outgoing = request(new URL(path, credentials.server), {
        method,
        agent,
        headers,
        timeout: 10_000,
      });
      outgoing.once('timeout', () => outgoing.destroy(new Error('no answer within 10 s')));
      outgoing.once('error', (error) =>
        reject(
          new StatusError('ServiceUnavailable', `${credentials.server} does not answer: ${error.message}`),
        ),
      );
      outgoing.once('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', reject);
        response.once('end', () => {
          const text = Buffer.concat(chunks).toString();
          if ((response.statusCode ?? 500) < 300) resolve(parse(text) as T);
          else reject(StatusError.fromStatus(parse(text) as Status));
        });
      });
      outgoing.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  return {
    get: (path) => call('GET', path),
    apply: (path, object) => call('PATCH', `${path}?fieldManager=orlop&force=true`, object),
    close: () => agent.destroy(),
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return { message: text.slice(0, 200) };
  }
}
