import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type {
  Container,
  ContainerConfig,
  ContainerEvent,
  LogLine,
  LogOptions,
  Pod,
  Runtime,
} from 'orlop/plugin';
import { type Checks, eventually } from './checks.ts';
import type { RuntimeFixture, Workload } from './runtime-fixture.ts';

/**
 * The suite every plugin of kind `runtime.v1` passes. `make` is called once; whoever makes it cleans up (`t.teardown`). Export for
 * third parties: `runtimeConformance(t, 'mine', async (t) => fixture)`.
 */
export async function runtimeConformance(
  t: Checks,
  name: string,
  make: (t: Checks) => Promise<RuntimeFixture>,
): Promise<void> {
  await t.test(`${name}: conformance to runtime.v1`, async (t) => {
    const fixture = await make(t);
    const bench = new Bench(t, fixture);
    await images(t, bench);
    await sandboxes(t, bench);
    await lifecycles(t, bench);
    await stopping(t, bench);
    await identity(t, bench);
    await logs(t, bench);
    await inputs(t, bench);
    await commands(t, bench);
    await stats(t, bench);
    await attachments(t, bench);
    await strangers(t, bench);
  });
}

async function images(t: Checks, { runtime, fixture }: Bench): Promise<void> {
  await t.test('images', async (t) => {
    const { image } = fixture.workloads.forever;
    const found = await runtime.pullImage(image, { policy: 'IfNotPresent' });
    t.match(found, { ok: true, imageId: String }, 'an image that exists has an id');
    t.same(await runtime.pullImage(image, { policy: 'IfNotPresent' }), found, 'and keeps it');
    t.same(await runtime.pullImage(image, { policy: 'Never' }), found, 'also when it may not be pulled');
    const missing = await runtime.pullImage(fixture.missingImage, { policy: 'IfNotPresent' });
    t.match(missing, { ok: false, reason: 'ErrImagePull', message: String }, 'a missing one is refused');
    t.match(await runtime.pullImage(fixture.missingImage, { policy: 'Never' }), {
      ok: false,
      reason: 'ErrImageNeverPull',
    });
  });
}

async function sandboxes(t: Checks, bench: Bench): Promise<void> {
  await t.test('pod sandboxes', async (t) => {
    const { runtime } = bench;
    const pod = bench.pod(bench.fixture.workloads.forever);
    const config = bench.sandboxConfig(pod);
    const { id, ip } = await runtime.runPodSandbox(config);
    t.equal(ip, config.ip, 'the sandbox has the address it was given');
    t.same(await runtime.runPodSandbox(config), { id, ip }, 'one sandbox per pod');
    t.match(await bench.sandbox(id), {
      podUid: pod.metadata!.uid!,
      namespace: pod.metadata!.namespace!,
      name: pod.metadata!.name!,
      ip,
      ready: true,
    });
    await runtime.stopPodSandbox(id);
    await runtime.stopPodSandbox(id);
    t.not((await bench.sandbox(id))?.ready, true, 'a stopped sandbox is not ready');
    await runtime.removePodSandbox(id);
    await runtime.removePodSandbox(id);
    t.equal(await bench.sandbox(id), undefined, 'a removed one is gone');
    const again = await runtime.runPodSandbox(config);
    t.not(again.id, id, 'the same pod can have a new one');
    await runtime.removePodSandbox(again.id);
    t.equal(await bench.sandbox(again.id), undefined, 'removing stops first');
  });
}

async function lifecycles(t: Checks, bench: Bench): Promise<void> {
  for (const [key, ok] of [
    ['succeeds', true],
    ['fails', false],
  ] as const) {
    await t.test(`a container that ${key}`, async (t) => {
      const { runtime } = bench;
      const { sandbox, container } = await bench.create(bench.fixture.workloads[key]);
      const created = await runtime.containerStatus(container);
      t.match(created, { id: container, name: 'main', attempt: 0, state: 'Created' });
      await runtime.startContainer(container);
      const state = await bench.ended(container);
      t.equal(state.exitCode === 0, ok, `exit code ${state.exitCode}`);
      t.equal(state.reason, ok ? 'Completed' : 'Error');
      t.ok(Date.parse(state.startedAt!) <= Date.parse(state.finishedAt!), 'it started before it ended');
      t.match(await bench.sandbox(sandbox), { ready: true }, 'its sandbox lives on');
      const events = bench.events.filter((event) => event.containerId === container);
      t.ok(
        events.some((event) => event.type === 'exited' && event.sandboxId === sandbox),
        'its end is told',
      );
    });
  }
}

async function stopping(t: Checks, bench: Bench): Promise<void> {
  await t.test('a container is stopped', async (t) => {
    const { runtime } = bench;
    const { container } = await bench.start(bench.fixture.workloads.forever);
    t.match(await runtime.containerStatus(container), { state: 'Running', startedAt: String });
    await eventually('its start is told', () => bench.told('started', container));
    await runtime.stopContainer(container, 10);
    t.match(await runtime.containerStatus(container), { state: 'Exited', finishedAt: String });
    await eventually('its end is told', () => bench.told('exited', container));
    await runtime.stopContainer(container, 10);
    await runtime.removeContainer(container);
    await runtime.removeContainer(container);
    t.equal(await runtime.containerStatus(container), undefined);
  });
  await t.test('a sandbox is stopped with its containers', async (t) => {
    const { runtime } = bench;
    const { sandbox, container } = await bench.start(bench.fixture.workloads.forever);
    await runtime.stopPodSandbox(sandbox);
    t.match(await runtime.containerStatus(container), { state: 'Exited' });
    await eventually('its end is told', () => bench.told('exited', container));
    await t.rejects(
      runtime.createContainer(sandbox, bench.containerConfig(bench.pod(bench.fixture.workloads.forever))),
      {},
      'no container starts in a stopped sandbox',
    );
  });
}

async function identity(t: Checks, bench: Bench): Promise<void> {
  await t.test('containers of one pod, attempts, and other pods', async (t) => {
    const { runtime } = bench;
    const { forever, fails } = bench.fixture.workloads;
    const first = await bench.start(fails);
    await bench.ended(first.container);
    const config = { ...bench.containerConfig(first.pod), attempt: 1 };
    const second = await runtime.createContainer(first.sandbox, config);
    const other = await bench.start(forever);
    t.not(second.id, first.container);
    const listed = (await bench.sandbox(first.sandbox))!.containers;
    t.same(listed.map(({ name, attempt }) => `${name} ${attempt}`).sort(), ['main 0', 'main 1']);
    t.match(listed.find(({ attempt }) => attempt === 0)!, { id: first.container, state: 'Exited' });
    await runtime.removePodSandbox(first.sandbox);
    t.match(await runtime.containerStatus(other.container), { state: 'Running' }, 'another pod is untouched');
    t.equal(await runtime.containerStatus(second.id), undefined, 'containers go with their sandbox');
  });
}

async function logs(t: Checks, bench: Bench): Promise<void> {
  await t.test('logs', async (t) => {
    const { container } = await bench.start(bench.fixture.workloads.prints);
    t.same(
      await bench.log(container, { follow: true }),
      ['one', 'two', 'three'],
      'follow ends with the container',
    );
    await bench.ended(container);
    t.same(await bench.log(container, {}), ['one', 'two', 'three']);
    t.same(await bench.log(container, { tailLines: 2 }), ['two', 'three']);
    t.same(await bench.log(container, { tailLines: 0 }), []);
    t.same(await bench.log(container, { since: '2999-01-01T00:00:00Z' }), []);
    const lines = await bench.lines(container, {});
    t.ok(
      lines.every(({ time, stream }) => stream === 'stdout' && Number.isFinite(Date.parse(time))),
      'each line has its time and stream',
    );
    const running = await bench.start(bench.fixture.workloads.forever);
    const aborted = new AbortController();
    const reading = bench.log(running.container, { follow: true, signal: aborted.signal });
    aborted.abort();
    await reading;
    t.pass('a reader that follows can leave');
  });
}

async function inputs(t: Checks, bench: Bench): Promise<void> {
  const { printsGreeting, printsFile } = bench.fixture.workloads;
  await t.test('environment', async (t) => {
    if (!printsGreeting) return void t.pass('no such workload');
    const env = [{ name: 'GREETING', value: 'hello, world = "x"' }];
    const { container } = await bench.start(printsGreeting, { env });
    t.same(await bench.log(container, { follow: true }), ['hello, world = "x"']);
  });
  await t.test('mounts', async (t) => {
    if (!printsFile) return void t.pass('no such workload');
    const hostPath = mkdtempSync(join(tmpdir(), 'orlop-mount-'));
    t.teardown(() => rmSync(hostPath, { recursive: true, force: true }));
    writeFileSync(join(hostPath, 'file'), 'from the host\n');
    const mounts = [{ name: 'data', hostPath, containerPath: '/data', readOnly: true }];
    const { container } = await bench.start(printsFile, { mounts });
    t.same(await bench.log(container, { follow: true }), ['from the host']);
  });
}

async function commands(t: Checks, bench: Bench): Promise<void> {
  const { exec } = bench.fixture;
  await t.test('commands in a container', async (t) => {
    if (!exec) return void t.pass('it cannot run any');
    const { runtime } = bench;
    const { container } = await bench.start(bench.fixture.workloads.forever);
    t.equal((await runtime.execSync(container, exec.succeeds, 10)).exitCode, 0);
    t.not((await runtime.execSync(container, exec.fails, 10)).exitCode, 0);
    const printed = await runtime.execSync(container, exec.prints.command, 10);
    t.equal(Buffer.from(printed.stdout).toString(), exec.prints.stdout);
    await runtime.stopContainer(container, 1);
    await t.rejects(runtime.execSync(container, exec.succeeds, 10), {}, 'not in one that has ended');
  });
}

async function stats(t: Checks, bench: Bench): Promise<void> {
  const { runtime } = bench;
  await t.test('usage', async (t) => {
    if (!runtime.containerStats) return void t.pass('it measures nothing');
    const measure = (id: string) => runtime.containerStats!(id);
    const { container } = await bench.create(bench.fixture.workloads.forever);
    t.equal(await measure(container), undefined, 'nothing is used before the start');
    await runtime.startContainer(container);
    const began = Date.now();
    const first = (await measure(container))!;
    t.ok(Math.abs(first.timestamp - began) < 60_000, 'it says when it measured');
    t.ok(first.workingSetBytes >= 0 && first.usageCoreNanoSeconds >= 0);
    const second = (await measure(container))!;
    t.ok(second.timestamp >= first.timestamp);
    t.ok(second.usageCoreNanoSeconds >= first.usageCoreNanoSeconds, 'CPU time is a counter');
    await runtime.stopContainer(container, 1);
    t.equal(await measure(container), undefined, 'nor after the end');
    t.equal(await measure('none'), undefined);
  });
}

async function attachments(t: Checks, bench: Bench): Promise<void> {
  const { copies } = bench.fixture.workloads;
  await t.test('attached to a container', async (t) => {
    if (!copies) return void t.pass('it cannot be');
    const { runtime } = bench;
    const { container } = await bench.start({ ...copies, stdin: true, stdinOnce: true });
    const onlooker = await runtime.attach!(container, { stdin: false });
    onlooker.stdio.destroy();
    t.match(await runtime.containerStatus(container), { state: 'Running' }, 'who leaves leaves it alone');
    const { stdio, exitCode } = await runtime.attach!(container, { stdin: true });
    const back = text(stdio);
    stdio.end('typed\n');
    t.equal(await back, 'typed\n', 'with stdinOnce its input ends with the session that gave it');
    t.equal(await exitCode, 0);
    t.match(await bench.ended(container), { exitCode: 0 });
    await t.rejects(runtime.attach!(container, { stdin: true }), {}, 'not to one that has ended');
  });
}

async function strangers(t: Checks, { runtime }: Bench): Promise<void> {
  await t.test('what does not exist', async (t) => {
    t.equal(await runtime.containerStatus('none'), undefined);
    await runtime.stopContainer('none', 0);
    await runtime.removeContainer('none');
    await runtime.stopPodSandbox('none');
    await runtime.removePodSandbox('none');
    await t.rejects(runtime.startContainer('none'), {}, 'what is not there does not start');
    t.pass('and ends quietly');
  });
}

/** Makes pods on the runtime under test, and removes them at the end. */
class Bench {
  readonly fixture: RuntimeFixture;
  readonly runtime: Runtime;
  readonly events: ContainerEvent[] = [];
  #pods = 0;

  constructor(t: Checks, fixture: RuntimeFixture) {
    this.fixture = fixture;
    this.runtime = fixture.runtime;
    const off = this.runtime.onContainerEvent((event) => this.events.push(event));
    t.teardown(async () => {
      off();
      for (const { id, namespace } of await this.runtime.listPodSandbox()) {
        if (namespace === 'conformance') await this.runtime.removePodSandbox(id);
      }
    });
  }

  pod({ image, command, args, annotations, stdin, stdinOnce }: Workload): Pod {
    this.#pods += 1;
    const container: Container = { name: 'main', image };
    if (stdin) container.stdin = stdin;
    if (stdinOnce) container.stdinOnce = stdinOnce;
    if (command) container.command = command;
    if (args) container.args = args;
    return {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: `pod-${this.#pods}`,
        namespace: 'conformance',
        uid: randomUUID(),
        annotations: annotations ?? {},
      },
      spec: { containers: [container] },
    };
  }

  sandboxConfig(pod: Pod) {
    const { bridge, address } = this.fixture.network;
    return { pod, ip: address(), bridge, hostname: pod.metadata!.name! };
  }

  containerConfig(pod: Pod, changes: Partial<ContainerConfig> = {}): ContainerConfig {
    const container = pod.spec!.containers[0]!;
    const { command, args } = container;
    return { pod, container, attempt: 0, imageId: '', env: [], command, args, mounts: [], ...changes };
  }

  async create(workload: Workload, changes: Partial<ContainerConfig> = {}) {
    const pod = this.pod(workload);
    const pulled = await this.runtime.pullImage(workload.image, { policy: 'IfNotPresent' });
    if (!pulled.ok) throw new Error(`${workload.image}: ${pulled.message}`);
    const { id: sandbox } = await this.runtime.runPodSandbox(this.sandboxConfig(pod));
    const config = this.containerConfig(pod, { imageId: pulled.imageId, ...changes });
    const { id: container } = await this.runtime.createContainer(sandbox, config);
    return { pod, sandbox, container };
  }

  async start(workload: Workload, changes: Partial<ContainerConfig> = {}) {
    const made = await this.create(workload, changes);
    await this.runtime.startContainer(made.container);
    return made;
  }

  async sandbox(id: string) {
    return (await this.runtime.listPodSandbox()).find((sandbox) => sandbox.id === id);
  }

  told(type: ContainerEvent['type'], containerId: string): boolean {
    return this.events.some((event) => event.type === type && event.containerId === containerId);
  }

  async ended(id: string) {
    await eventually(`container ${id} ends`, () => this.told('exited', id));
    const state = await this.runtime.containerStatus(id);
    if (state?.state !== 'Exited') throw new Error(`its end was told, but it is ${state?.state}`);
    return state;
  }

  async lines(id: string, options: LogOptions): Promise<LogLine[]> {
    const lines: LogLine[] = [];
    for await (const line of this.runtime.containerLogs(id, options)) lines.push(line);
    return lines;
  }

  async log(id: string, options: LogOptions): Promise<string[]> {
    const chunks = (await this.lines(id, options)).map((line) => line.data);
    const text = Buffer.concat(chunks).toString();
    return text === '' ? [] : text.replace(/\n$/, '').split('\n');
  }
}
