/**
 * `npm run bench -- wasm [--json]`: how fast a WebAssembly pod starts, and what it serves next to a bare `node:http` server, both in a
 * worker thread of this process, in turns.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { get } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { Pod } from 'orlop/plugin';
import { LivePods } from '../runtimes/wasm/live-pods.ts';
import { WasmRuntime } from '../runtimes/wasm/runtime.ts';
import { Report } from './report.ts';

const IMAGE = 'orlop.dev/hello:1';
const STARTS = 20;
const CONNECTIONS = 32;
const ROUNDS = 5;
const ROUND_MS = 1500;
/** Long enough for the reserve thread to boot. */
const REST_MS = 400;

const log = { debug() {}, info() {}, warn() {}, error() {} };
const dir = await mkdtemp(join(tmpdir(), 'orlop-bench-'));
const report = new Report('wasm');
let port = 20_000 + (process.pid % 20_000);

await measureStarts();
await measureServing();
await rm(dir, { recursive: true });
report.end();

async function measureStarts(): Promise<void> {
  const cold = await open('cold');
  await sleep(REST_MS);
  report.result('component never seen: assigned to first 200', await start(cold.runtime), 'ms');
  await cold.live.close();

  const { runtime, live } = await open('warm');
  await start(runtime);
  const warm: number[] = [];
  const without: number[] = [];
  for (let n = 0; n < STARTS; n++) {
    await sleep(REST_MS);
    warm.push(await start(runtime));
    // The reserve is used up: this one boots its own thread.
    if (n % 4 === 0) without.push(await start(runtime));
  }
  const booting = median(without);
  report.result('no thread in reserve: assigned to first 200, p50', booting, 'ms');
  const p50 = median(warm);
  report.result('prepared: assigned to first 200, p50', p50, 'ms');
  report.goal('pod start with a thread in reserve to one without, p50', p50 / booting, 'x', '<=', 0.35);
  await live.close();
}

async function measureServing(): Promise<void> {
  const { runtime, live } = await open('warm');
  await sleep(REST_MS);
  await start(runtime);
  const guest = port;
  const body = 'Hello from Orlop! Pod bench answers /\n';
  const program = `require('node:http').createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8', 'content-length': ${body.length} });
    response.end(${JSON.stringify(body)});
  }).listen(${++port}, '127.0.0.1', () => require('node:worker_threads').parentPort.postMessage('listening'));`;
  const bare = new Worker(program, { eval: true });
  await once(bare, 'message');
  const ratios: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const theirs = await load(port);
    const ours = await load(guest);
    if (round === 0) continue;
    ratios.push(ours / theirs);
    report.result(`round ${round}: bare node:http`, theirs, 'requests/s');
    report.result(`round ${round}: HTTP component`, ours, 'requests/s');
  }
  report.goal('HTTP component to bare node:http, requests/s', median(ratios), 'x', '>=', 0.6);
  await bare.terminate();
  await live.close();
}

async function open(cache: string): Promise<{ runtime: WasmRuntime; live: LivePods }> {
  const live = new LivePods(join(dir, cache));
  return { live, runtime: await WasmRuntime.open({ dataDir: join(dir, 'data'), log, live }) };
}

/** Milliseconds from the call to the answer with status 200. */
async function start(runtime: WasmRuntime): Promise<number> {
  port += 1;
  const container = { name: 'main', image: IMAGE, ports: [{ containerPort: port }] };
  const metadata = { name: 'bench', namespace: 'default', uid: randomUUID() };
  const pod: Pod = { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [container] } };
  const began = performance.now();
  const pulled = await runtime.pullImage(IMAGE, { policy: 'IfNotPresent' });
  if (!pulled.ok) throw new Error(pulled.message);
  const bridge = { cidr: '', gateway: '' };
  const sandbox = await runtime.runPodSandbox({ pod, ip: '127.0.0.1', bridge, hostname: 'bench' });
  const { imageId } = pulled;
  const { id } = await runtime.createContainer(sandbox.id, {
    pod,
    container,
    attempt: 0,
    imageId,
    env: [],
    command: undefined,
    args: undefined,
    mounts: [],
  });
  await runtime.startContainer(id);
  const request = get(`http://127.0.0.1:${port}/`, { agent: false });
  const [response] = (await once(request, 'response')) as [import('node:http').IncomingMessage];
  if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}`);
  const took = performance.now() - began;
  response.resume();
  return took;
}

/** Requests per second over kept connections, one request in flight on each. Every answer must be as long as the first. */
async function load(target: number): Promise<number> {
  const request = Buffer.from('GET / HTTP/1.1\r\nhost: bench\r\n\r\n');
  let answers = 0;
  const sockets = Array.from({ length: CONNECTIONS }, () => {
    const socket = connect(target, '127.0.0.1');
    let length = 0;
    let received = 0;
    socket.on('data', (chunk: Buffer) => {
      if (length === 0) {
        const text = chunk.toString();
        length = text.indexOf('\r\n\r\n') + 4 + Number(/content-length: (\d+)/i.exec(text)?.[1]);
      }
      received += chunk.length;
      if (received < length) return;
      received = 0;
      answers += 1;
      socket.write(request);
    });
    socket.write(request);
    return socket;
  });
  const began = performance.now();
  await sleep(ROUND_MS);
  const rate = (answers / (performance.now() - began)) * 1000;
  for (const socket of sockets) socket.destroy();
  return rate;
}

function median(values: number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
