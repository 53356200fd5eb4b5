/** A real kernel with the API server, and ways to talk to it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { type Agent, request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiServer, CertificateAuthority } from 'orlop/plugin';
import type { Test } from 'tap';
import { type TestKernel, type TestKernelOptions, testKernel } from '../../cluster.ts';
import { type Kubectl, kubectl } from '../../kubectl.ts';

const PLUGINS = ['secrets/identity', 'ca', 'tokens', 'auth', 'rbac', 'apiserver'];
/** Pods ask for their namespace's account. */
const ACCOUNTS = 'serviceaccount-controller';

/** As an entry of `KernelOptions.plugins`: `node`, `controllers/deployment`, `../runtimes/fake`. */
export function standard(path: string, config: object = {}): { module: string; config: object } {
  return { module: new URL(`../../../plugins/${path}/index.js`, import.meta.url).href, config };
}

export interface Answer {
  readonly code: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: what is in it is what the test asserts
  readonly body: any;
}

export interface TestApi {
  readonly kernel: TestKernel;
  readonly url: string;
  readonly kubeconfig: string;
  readonly kubectl: Kubectl;
  /** As an administrator; `body` is sent as JSON unless it is a string. */
  request(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
    agent?: Agent,
  ): Promise<Answer>;
  /** A running watch or log: what has come so far, line by line. */
  stream(
    path: string,
  ): Promise<{ lines: string[]; ended: Promise<void>; pause(): void; resume(): void; close(): void }>;
}

export interface TestApiOptions extends TestKernelOptions {
  /** `false`: without RBAC. */
  authorizer?: boolean;
}

export async function testApi(
  t: Test,
  { authorizer = true, ...options }: TestApiOptions = {},
): Promise<TestApi> {
  const given = options.plugins ?? [];
  const kernel = await testKernel(t, {
    ...options,
    plugins: [
      ...PLUGINS.filter((path) => authorizer || path !== 'rbac').map((path) => standard(path)),
      ...(given.some((each) => 'name' in each && each.name === ACCOUNTS)
        ? []
        : [standard('controllers/serviceaccount')]),
      ...given,
    ],
    config: { apiserver: { port: 0, address: '127.0.0.1' }, auth: { adminToken: TOKEN }, ...options.config },
  });
  const { url } = kernel.service(ApiServer);
  const ca = kernel.service(CertificateAuthority);
  const client = await ca.issue({ commonName: 'admin', organizations: ['system:masters'], usage: 'client' });
  const folder = mkdtempSync(join(tmpdir(), 'orlop-kubectl-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const kubeconfig = join(folder, 'config');
  writeFileSync(kubeconfig, JSON.stringify(kubeconfigOf(url, ca.certificate, client)));
  const open = (
    method: string,
    path: string,
    body: unknown,
    headers: Record<string, string>,
    agent?: Agent,
  ) =>
    new Promise<IncomingMessage>((resolve, reject) => {
      const text = typeof body === 'string' || body === undefined ? body : JSON.stringify(body);
      // Node does not frame the body of a DELETE by itself.
      const length = text === undefined ? {} : { 'content-length': String(Buffer.byteLength(text)) };
      const type = text === undefined ? {} : { 'content-type': 'application/json', ...length };
      const authorization = `Bearer ${TOKEN}`;
      const all = { authorization, ...type, ...headers };
      const request = httpsRequest(
        `${url}${path}`,
        { method, ca: ca.certificate, headers: all, agent: agent ?? false },
        resolve,
      );
      request.once('error', reject);
      request.end(text);
    });
  return {
    kernel,
    url,
    kubeconfig,
    kubectl: kubectl(kubeconfig),
    async request(method, path, body, headers = {}, agent = undefined) {
      const response = await open(method, path, body, headers, agent);
      const chunks: Buffer[] = [];
      for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
      const text = Buffer.concat(chunks).toString();
      const isJson =
        response.headers['content-type']?.includes('json') && !response.headers['content-encoding'];
      return {
        code: response.statusCode ?? 0,
        headers: response.headers,
        text,
        body: isJson && text !== '' ? JSON.parse(text) : undefined,
      };
    },
    async stream(path) {
      const response = await open('GET', path, undefined, {});
      const lines: string[] = [];
      let rest = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        const parts = `${rest}${chunk}`.split('\n');
        rest = parts.pop() ?? '';
        lines.push(...parts);
      });
      const ended = new Promise<void>((resolve) => response.once('close', resolve));
      t.teardown(() => response.destroy());
      return {
        lines,
        ended,
        pause: () => void response.pause(),
        resume: () => void response.resume(),
        close: () => response.destroy(),
      };
    },
  };
}

export const TOKEN = 'a-token-for-tests';

function kubeconfigOf(server: string, ca: string, client: { certificate: string; key: string }): object {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  return {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    clusters: [{ name: 'test', cluster: { server, 'certificate-authority-data': base64(ca) } }],
    users: [
      {
        name: 'test',
        user: {
          'client-certificate-data': base64(client.certificate),
          'client-key-data': base64(client.key),
        },
      },
    ],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
  };
}
