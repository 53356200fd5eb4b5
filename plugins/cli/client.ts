import { Agent, request } from 'node:https';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Json, type Status, StatusError } from 'orlop/plugin';
import type { Credentials } from './kubeconfig.ts';

/** Milliseconds in which nothing comes or goes. */
const SILENT_MS = 15_000;

/** A minimal client of the cluster's HTTP API, as kubectl would reach it. */
export interface ApiClient {
  get<T>(path: string): Promise<T>;
  /** Server-side apply as field manager `orlop`; the object as it is now. */
  apply<T>(path: string, object: Json): Promise<T>;
  /** POST of bytes. */
  upload<T>(path: string, bytes: Readable): Promise<T>;
  close(): void;
}

export function apiClient(credentials: Credentials): ApiClient {
  const agent = new Agent({
    keepAlive: true,
    ca: credentials.ca,
    cert: credentials.certificate,
    key: credentials.key,
  });

  function call<T>(method: string, path: string, body?: Json | Readable): Promise<T> {
    return new Promise((resolve, reject) => {
      const type = body instanceof Readable ? 'application/octet-stream' : 'application/apply-patch+yaml';
      const headers = body === undefined ? {} : { 'content-type': type };
      const outgoing = request(new URL(path, credentials.server), {
        method,
        agent,
        headers,
        timeout: SILENT_MS,
      });
      outgoing.once('timeout', () => outgoing.destroy(new Error(`no answer within ${SILENT_MS / 1000} s`)));
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
      if (body instanceof Readable) pipeline(body, outgoing).catch(reject);
      else outgoing.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  return {
    get: (path) => call('GET', path),
    apply: (path, object) => call('PATCH', `${path}?fieldManager=orlop&force=true`, object),
    upload: (path, bytes) => call('POST', path, bytes),
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
