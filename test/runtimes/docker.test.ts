import { randomInt, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Container, Logger, Pod } from 'orlop/plugin';
import t, { type Test } from 'tap';
import { engineAddress, openEngine } from '../../runtimes/docker/engine.ts';
import { parseImage } from '../../runtimes/docker/images.ts';
import { logLines, unixTime } from '../../runtimes/docker/logs.ts';
import { dockerRuntime } from '../../runtimes/docker/runtime.ts';
import { containerOptions, refuseRoot } from '../../runtimes/docker/spec.ts';
import type { Checks } from '../conformance/checks.ts';
import { runtimeConformance } from '../conformance/runtime.ts';
import { ensureImages, missingEngine } from '../images.ts';
import { testdir } from '../testdir.ts';

const log: Logger = { debug() {}, info() {}, warn() {}, error() {} };

t.test('image names are normalised as Docker does', async (t) => {
  t.equal(parseImage('nginx')?.full, 'docker.io/library/nginx:latest');
  t.equal(parseImage('nginx:1.14.2')?.full, 'docker.io/library/nginx:1.14.2');
  t.equal(parseImage('me/app')?.full, 'docker.io/me/app:latest');
  t.equal(parseImage('docker.io/nginx')?.full, 'docker.io/library/nginx:latest');
  t.equal(parseImage('localhost/app:1')?.full, 'localhost/app:1');
  t.equal(parseImage('localhost:5000/a/b')?.full, 'localhost:5000/a/b:latest');
  const digest = `sha256:${'a'.repeat(64)}`;
  t.equal(parseImage(`a.example/b:1@${digest}`)?.full, `a.example/b@${digest}`);
  for (const bad of ['', 'UPPER', 'a//b', 'a:', 'a b', '-a', 'a@sha256:12', 'nginx:1:2']) {
    t.equal(parseImage(bad), undefined, bad);
  }
});

t.test('log pieces are joined to lines', async (t) => {
  const frame = (stream: number, text: string) => {
    const head = Buffer.alloc(8);
    head[0] = stream;
    head.writeUInt32BE(text.length, 4);
    return Buffer.concat([head, Buffer.from(text)]);
  };
  const all = Buffer.concat([
    frame(1, 'T1 a'),
    frame(2, 'T2 err\n'),
    frame(1, 'T3 b c\n'),
    frame(1, 'T4 end'),
  ]);
  async function* bytewise() {
    for (const byte of all) yield Buffer.from([byte]);
  }
  const lines = [];
  for await (const { time, stream, data } of logLines(bytewise(), false))
    lines.push(`${time} ${stream} ${data}`);
  t.same(lines, ['T2 stderr err\n', 'T1 stdout ab c\n', 'T4 stdout end']);
  async function* terminal() {
    yield Buffer.from('T1 on');
    yield Buffer.from('e\r\nT2 two\r\nT3 $ ');
  }
  const typed = [];
  for await (const { time, data } of logLines(terminal(), true)) typed.push(`${time} ${data}`);
  t.same(typed, ['T1 one\r\n', 'T2 two\r\n', 'T3 $ ']);
  t.equal(unixTime('2024-01-01T00:00:00.000000001Z'), '1704067200.000000001');
});

t.test('a container is specified as its pod says', async (t) => {
  const container: Container = {
    name: 'c',
    image: 'a',
    resources: { limits: { cpu: '500m', memory: '64Mi' }, requests: { cpu: '250m' } },
    securityContext: {
      runAsUser: 1000,
      runAsGroup: 2000,
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
      capabilities: { add: ['NET_ADMIN'], drop: ['ALL'] },
    },
  };
  const pod: Pod = {
    metadata: { name: 'p', namespace: 'n', uid: 'u' },
    spec: { containers: [container], securityContext: { fsGroup: 5 } },
  };
  const base = {
    pod,
    container,
    attempt: 2,
    imageId: 'sha256:0',
    env: [{ name: 'A', value: 'b=c' }],
    mounts: [],
  };
  const options = containerOptions('k', 's', { ...base, command: ['/x'], args: ['-y'] });
  t.match(options, {
    name: 'orlop_c_p_n_u_2',
    User: '1000:2000',
    Env: ['A=b=c'],
    Entrypoint: ['/x'],
    Cmd: ['-y'],
    HostConfig: {
      NetworkMode: 'container:s',
      CpuQuota: 50_000,
      CpuShares: 256,
      Memory: 64 * 2 ** 20,
      MemorySwap: 64 * 2 ** 20,
      ReadonlyRootfs: true,
      SecurityOpt: ['no-new-privileges'],
      CapAdd: ['NET_ADMIN'],
      CapDrop: ['ALL'],
      GroupAdd: ['5'],
    },
  });
  const rooted = { ...container, securityContext: { runAsNonRoot: true } };
  t.match(refuseRoot(pod, rooted, ''), /will run as root/);
  t.match(refuseRoot(pod, rooted, 'app'), /non-numeric user/);
  t.equal(refuseRoot(pod, rooted, '1001'), undefined);
});

t.test('an engine that does not answer is a clear error', async (t) => {
  const address = `unix://${testdir(t)}/none.sock`;
  const runtime = dockerRuntime({
    engine: openEngine(address),
    address,
    version: 'docker://0',
    instance: 'x',
    log,
  });
  await t.rejects(runtime.listPodSandbox(), { reason: 'ServiceUnavailable', message: /start it/ });
});

t.setTimeout(240_000);
const skip = await missingEngine();

/** A runtime of its own on the real engine, removed with all it made. */
function realRuntime(t: Test) {
  const subnet = randomInt(256);
  const address = engineAddress();
  const instance = randomUUID();
  const open = () =>
    dockerRuntime({ engine: openEngine(address), address, version: 'docker://test', instance, log });
  const runtime = open();
  t.teardown(async () => {
    for (const { id } of await runtime.listPodSandbox()) await runtime.removePodSandbox(id);
    await runtime.close();
  });
  let host = 2;
  const network = {
    bridge: { cidr: `10.251.${subnet}.0/25`, gateway: `10.251.${subnet}.1` },
    address: () => `10.251.${subnet}.${host++}`,
  };
  return { runtime, network, open, instance };
}

if (!skip) {
  await ensureImages('busybox:1.36', 'nginx:1.14.2', 'nginx:1.16.1');
  const sh = (script: string) => ({ image: 'busybox:1.36', command: ['sh', '-c', script] });
  await runtimeConformance(t as unknown as Checks, 'docker', async (t) => ({
    ...realRuntime(t as unknown as Test),
    missingImage: 'registry.invalid/none:1',
    workloads: {
      forever: sh('trap "exit 0" TERM; while true; do sleep 0.1; done'),
      succeeds: sh('true'),
      fails: sh('exit 3'),
      prints: sh('echo one; echo two; echo three'),
      printsGreeting: sh('echo "$GREETING"'),
      printsFile: sh('cat /data/file'),
      copies: sh('cat'),
    },
    exec: {
      succeeds: ['true'],
      fails: ['false'],
      prints: { command: ['echo', 'hello'], stdout: 'hello\n' },
    },
  }));
}

t.test('pods on a real engine', { skip }, async (t) => {
  const { runtime, network, open } = realRuntime(t);

  async function pod(container: Container, spec: Partial<Pod['spec']> = {}) {
    const pod: Pod = {
      metadata: { name: container.name, namespace: 'test', uid: randomUUID() },
      spec: { containers: [container], ...spec },
    };
    const config = { pod, ip: network.address(), bridge: network.bridge, hostname: 'its-name' };
    const sandbox = await runtime.runPodSandbox(config);
    const pulled = await runtime.pullImage(container.image!, { policy: 'IfNotPresent' });
    if (!pulled.ok) throw new Error(pulled.message);
    const { command, args } = container;
    const made = await runtime.createContainer(sandbox.id, {
      pod,
      container,
      attempt: 0,
      imageId: pulled.imageId,
      env: [],
      command,
      args,
      mounts: [],
    });
    return { config, sandbox, id: made.id };
  }
  const ended = (id: string) =>
    new Promise<void>((resolve) => {
      const off = runtime.onContainerEvent((event) => {
        if (event.containerId !== id || event.type !== 'exited') return;
        off();
        resolve();
      });
    });

  await t.test('nginx serves at the address of its pod, and ends gracefully', async (t) => {
    for (const image of ['nginx:1.14.2', 'nginx:1.16.1'] as const) {
      const { sandbox, id } = await pod({ name: 'web', image });
      await runtime.startContainer(id);
      const page = await eventually(async () => (await fetch(`http://${sandbox.ip}/`)).text());
      t.match(page, image);
      await runtime.stopContainer(id, 10);
      t.match(await runtime.containerStatus(id), { state: 'Exited', exitCode: 0, reason: 'Completed' });
      const lines = [];
      for await (const line of runtime.containerLogs(id, {})) lines.push(`${line.stream} ${line.data}`);
      t.ok(lines.some((line) => line.startsWith('stdout') && line.includes('GET / HTTP/1.1')));
      await runtime.removePodSandbox(sandbox.id);
    }
  });

  await t.test('hostname, exec with input, terminal, stats', async (t) => {
    const { id } = await pod({ name: 'sh', image: 'busybox:1.36', command: ['sleep', '1000'] });
    await runtime.startContainer(id);
    const name = await runtime.execSync(id, ['hostname'], 10);
    t.equal(Buffer.from(name.stdout).toString(), 'its-name\n');
    const cat = await runtime.exec!(id, {
      command: ['sh', '-c', 'cat; echo no >&2; exit 7'],
      tty: false,
      stdin: true,
    });
    cat.stdio.end('typed\n');
    const [out, err] = await Promise.all([text(cat.stdio), text(cat.stderr!)]);
    t.same([out, err, await cat.exitCode], ['typed\n', 'no\n', 7]);
    const tty = await runtime.exec!(id, { command: ['sh'], tty: true, stdin: true });
    await tty.resize(100, 40);
    tty.stdio.write('stty size; exit\n');
    t.match(await text(tty.stdio), /40 100/);
    t.equal(await tty.exitCode, 0);
    await t.rejects(runtime.execSync(id, ['sleep', '100'], 1), {
      reason: 'Timeout',
      message: /timed out after 1 s/,
    });
    t.match(await runtime.containerStats!(id), { usageCoreNanoSeconds: Number, workingSetBytes: Number });
    const left = await runtime.exec!(id, { command: ['cat'], tty: false, stdin: true });
    left.stdio.destroy();
    await t.rejects(left.exitCode, 'whoever leaves gets no exit code');
    await eventually(async () => {
      const processes = Buffer.from((await runtime.execSync(id, ['ps'], 10)).stdout).toString();
      if (/ cat$/m.test(processes))
        throw new Error(`the command of a session that was left lives: ${processes}`);
    });
  });

  await t.test('what goes wrong has its reason', async (t) => {
    const missing = await pod({ name: 'missing', image: 'busybox:1.36', command: ['/none'] });
    await t.rejects(runtime.startContainer(missing.id), { message: /none/ });
    t.match(await runtime.containerStatus(missing.id), {
      state: 'Exited',
      exitCode: 127,
      reason: 'ContainerCannotRun',
    });
    const hungry = await pod({
      name: 'hungry',
      image: 'busybox:1.36',
      command: ['sh', '-c', 'exec tail /dev/zero'],
      resources: { limits: { memory: '16Mi' } },
    });
    const end = ended(hungry.id);
    await runtime.startContainer(hungry.id);
    await end;
    t.match(await runtime.containerStatus(hungry.id), { exitCode: 137, reason: 'OOMKilled' });
    // No registry listens there.
    t.match(await runtime.pullImage('localhost:1/none:1', { policy: 'IfNotPresent' }), {
      ok: false,
      reason: 'ErrImagePull',
      message: /^(?!.*HTTP code).*localhost:1.*\S$/,
    });
    t.match(await runtime.pullImage('UPPER', { policy: 'IfNotPresent' }), {
      ok: false,
      reason: 'InvalidImageName',
    });
  });

  await t.test('a second life finds what runs, and revives a dead sandbox', async (t) => {
    const { config, sandbox, id } = await pod({
      name: 'stays',
      image: 'busybox:1.36',
      command: ['sleep', '1000'],
    });
    await runtime.startContainer(id);
    const second = open();
    t.teardown(() => second.close());
    const found = (await second.listPodSandbox()).find((each) => each.id === sandbox.id);
    t.match(found, { ip: sandbox.ip, ready: true, containers: [{ id, name: 'stays', state: 'Running' }] });
    const told = new Promise((resolve) =>
      second.onContainerEvent((event) => event.containerId === id && resolve(event)),
    );
    t.match(
      await told,
      { type: 'started', sandboxId: sandbox.id },
      'a new listener is told the present state',
    );
    await second.stopPodSandbox(sandbox.id);
    t.match(
      (await second.listPodSandbox()).find((each) => each.id === sandbox.id),
      { ready: false },
    );
    t.same(await second.runPodSandbox(config), { id: sandbox.id, ip: sandbox.ip });
    t.match(
      (await second.listPodSandbox()).find((each) => each.id === sandbox.id),
      { ready: true },
    );
  });
});

t.test("an end during the engine's absence is told when it is back", { skip }, async (t) => {
  const socket = engineAddress().replace('unix://', '');
  // Not in a testdir: a socket's path may have 107 bytes.
  const folder = mkdtempSync(join(tmpdir(), 'orlop-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'engine.sock');
  const links = new Set<Socket>();
  const connectThrough = (near: Socket): void => {
    const far = connect(socket);
    for (const each of [near, far]) {
      links.add(each);
      each.on('error', () => each.destroy());
    }
    near.pipe(far).pipe(near);
    near.once('close', () => far.destroy());
  };
  const bridge = (): Server => createServer({ allowHalfOpen: true }, connectThrough).listen(path);
  let server = bridge();
  t.teardown(() => {
    server.close();
    for (const link of links) link.destroy();
  });
  const { runtime, network, instance } = realRuntime(t);
  const address = `unix://${path}`;
  const watcher = dockerRuntime({
    engine: openEngine(address),
    address,
    version: 'docker://test',
    instance,
    log,
  });
  t.teardown(() => watcher.close());
  const pod: Pod = {
    metadata: { name: 'p', namespace: 'test', uid: randomUUID() },
    spec: { containers: [] },
  };
  const sandbox = await runtime.runPodSandbox({
    pod,
    ip: network.address(),
    bridge: network.bridge,
    hostname: 'p',
  });
  const container = { name: 'c', image: 'busybox:1.36' };
  const command = ['sleep', '1000'];
  const config = { pod, container, attempt: 0, imageId: '', env: [], command, args: undefined, mounts: [] };
  const { id } = await runtime.createContainer(sandbox.id, config);
  const told: string[] = [];
  watcher.onContainerEvent((event) => event.containerId === id && told.push(event.type));
  await runtime.startContainer(id);
  await eventually(async () => told.includes('started') || assertFails('not told yet'));
  server.close();
  for (const link of links) link.destroy();
  await t.rejects(watcher.listPodSandbox(), { reason: 'ServiceUnavailable', message: /does not answer/ });
  await runtime.stopContainer(id, 0);
  t.notOk(told.includes('exited'));
  server = bridge();
  await eventually(async () => told.includes('exited') || assertFails('not told yet'));
  t.match(await watcher.containerStatus(id), { state: 'Exited', exitCode: 137 });
});

function assertFails(why: string): never {
  throw new Error(why);
}

async function text(source: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

async function eventually<T>(work: () => Promise<T>): Promise<T> {
  for (const deadline = Date.now() + 30_000; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
    try {
      return await work();
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}
