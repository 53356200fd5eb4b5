/** Starts `orlop up` as a process of its own, on a temporary data folder and free ports. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readKubeconfig } from '../plugins/cli/kubeconfig.ts';
import type { Endpoint } from './kube-client.ts';

export interface Cluster {
  readonly endpoint: Endpoint;
  /** From the start of the process until it said that it is ready. */
  readonly readyMs: number;
  /** Resident memory of the process and all below it; pages they share count for each. */
  residentMiB(): number;
  stop(): Promise<void>;
}

const MAIN = fileURLToPath(new URL('../plugins/cli/main.js', import.meta.url));

export async function startCluster(...args: string[]): Promise<Cluster> {
  const data = mkdtempSync(join(tmpdir(), 'orlop-bench-'));
  const [api, http, https] = [await freePort(), await freePort(), await freePort()];
  const ports = ['--api-port', `${api}`, '--http-port', `${http}`, '--https-port', `${https}`];
  const began = performance.now();
  const child = spawn(process.execPath, [MAIN, 'up', '--data', data, ...ports, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const stop = async (): Promise<void> => {
    if (child.exitCode === null) child.kill('SIGINT');
    await exited;
    rmSync(data, { recursive: true, force: true, maxRetries: 5 });
  };
  let printed = '';
  let readyMs = 0;
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    printed += chunk.toString();
    readyMs = performance.now() - began;
    if (printed.includes('Ready in')) break;
  }
  child.stdout.resume();
  if (!printed.includes('Ready in')) {
    await stop();
    throw new Error(`orlop up did not become ready: ${printed}`);
  }
  const { server, ca, certificate: cert, key } = readKubeconfig(data);
  const { hostname: host, port } = new URL(server);
  return {
    endpoint: { host, port: Number(port), ca, cert, key },
    readyMs,
    residentMiB: () => residentMiB(child.pid!),
    stop,
  };
}

function residentMiB(root: number): number {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,rss='], { encoding: 'utf8' }).trim().split('\n');
  const processes = lines.map((line) => line.trim().split(/\s+/).map(Number) as [number, number, number]);
  const below = new Set([root]);
  // Until a pass finds no more children.
  for (let size = 0; size < below.size; ) {
    size = below.size;
    for (const [pid, parent] of processes) if (below.has(parent)) below.add(pid);
  }
  return processes.reduce((sum, [pid, , rss]) => (below.has(pid) ? sum + rss / 1024 : sum), 0);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
