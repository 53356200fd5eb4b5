/** Runs the `orlop` command as a user does: a process of its own on a temporary data folder and free ports. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { get, type IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import { stablePort } from '../../plugins/cli/ports.ts';
import { CAN_BE_FREED } from '../../plugins/cli/watchdog.ts';
import { ensureImages, forgetPods, missingEngine } from '../images.ts';
import { type Kubectl, kubectl, type Output } from '../kubectl.ts';

export const ORLOP = fileURLToPath(new URL('../../plugins/cli/main.js', import.meta.url));

export interface Ports {
  api: number;
  http: number;
  https: number;
}

export interface Place {
  data: string;
  ports: Ports;
}

/** A temporary data folder and three free ports, for one or several runs. */
export async function place(t: Test): Promise<Place> {
  const data = mkdtempSync(join(tmpdir(), 'orlop-e2e-'));
  t.teardown(async () => {
    const kernelId = join(data, 'kernel-id');
    // Containers live on when the cluster stops; without its folder they would be nobody's.
    if (existsSync(kernelId) && !(await missingEngine()))
      await forgetPods(readFileSync(kernelId, 'utf8').trim());
    rmSync(data, { recursive: true, force: true, maxRetries: 5 });
  });
  return { data, ports: { api: await stablePort(), http: await stablePort(), https: await stablePort() } };
}

/** The flags of `orlop up` for a place. */
export function flags({ data, ports }: Place): string[] {
  return [
    ...['--data', data, '--node', 'node-1', '--api-port', String(ports.api)],
    ...['--http-port', String(ports.http), '--https-port', String(ports.https)],
  ];
}

/** Runs a command of `orlop` to its end. */
export async function orlop(...args: string[]): Promise<Output> {
  const child = spawn(process.execPath, [ORLOP, ...args]);
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code: code ?? 1, stdout, stderr };
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface Running {
  readonly place: Place;
  readonly child: ChildProcess;
  readonly kubectl: Kubectl;
  /** All it printed so far. */
  output(): string;
  /** GET through the ingress. */
  http(path: string, host: string): Promise<Answer>;
  /** SIGINT, as Ctrl-C; resolves with the exit code. */
  stop(): Promise<number | null>;
  kill9(): Promise<void>;
}

/** `orlop up`, ready. It is stopped at the end of the test. */
export async function up(t: Test, at: Place, ...args: string[]): Promise<Running> {
  const { child, output, end } = await run(t, ['up', ...flags(at), ...args]);
  return {
    place: at,
    child,
    kubectl: kubectl(join(at.data, 'kubeconfig')),
    output,
    http: (path, host) => httpGet(at.ports.http, path, host),
    stop: () => end('SIGINT'),
    async kill9() {
      await end('SIGKILL');
    },
  };
}

/** `orlop up` without `hello`, and the pods of these manifests ready in it. */
export async function upWith(
  t: Test,
  manifests: string,
  ...images: Parameters<typeof ensureImages>
): Promise<Running> {
  await ensureImages(...images);
  const cluster = await up(t, await place(t), '--no-hello');
  await cluster.kubectl.ok('apply -f -', manifests);
  await cluster.kubectl.ok('wait --for=condition=Ready pod --all --timeout=60s');
  return cluster;
}

export interface Process {
  readonly child: ChildProcess;
  /** All it printed so far. */
  output(): string;
  /** Resolves with the exit code. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/** A command that stays, ready. It is stopped at the end of the test. `before`: what runs it, e.g. elsewhere. */
export async function run(t: Test, args: string[], before: readonly string[] = []): Promise<Process> {
  const [command = '', ...words] = [...before, process.execPath, CAN_BE_FREED, ORLOP, ...args];
  const child = spawn(command, words);
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  const exited = once(child, 'exit');
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    await exited;
    return child.exitCode;
  };
  t.teardown(async () => {
    await end('SIGINT');
    if (!t.passing()) t.comment(printed);
  });
  await until(`orlop ${args[0]} is ready`, 60_000, () => {
    if (child.exitCode !== null) throw new Error(`orlop ${args[0]} exited ${child.exitCode}: ${printed}`);
    return printed.includes('Ready in') && printed.includes('Ctrl-C');
  });
  return { child, output: () => printed, end };
}

/** Waits for a condition; what it waits for is in the error. */
export async function until(
  what: string,
  ms: number,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const deadline = Date.now() + ms;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`timed out after ${ms} ms: ${what}`);
    await sleep(50);
  }
}

export function httpGet(port: number, path: string, host: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port, path, headers: { host }, agent: false, timeout: 30_000 });
    request.once('timeout', () => request.destroy(new Error('no answer within 30 s')));
    request.once('error', reject);
    request.once('response', (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.once('error', reject);
      response.once('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
      );
    });
  });
}
