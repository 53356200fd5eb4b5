/** In-place resize, with the real kubectl, a Docker engine and a WebAssembly command. */
import t from 'tap';
import { engineAddress, openEngine } from '../../runtimes/docker/engine.ts';
import { ensureImages } from '../images.ts';
import { commandImage } from '../runtimes/wasm-guests.ts';
import { testdir } from '../testdir.ts';
import { place, type Running, until, up } from './orlop.ts';

const IMAGE = 'busybox:1.36';

let cluster: Running;
t.before(async () => {
  await ensureImages(IMAGE);
  cluster = await up(t, await place(t), '--no-hello');
  const wasm = await commandImage(testdir(t));
  const sleep = { image: IMAGE, command: ['sleep', '100000'] };
  const resources = { requests: { cpu: '100m', memory: '32Mi' }, limits: { cpu: '200m', memory: '64Mi' } };
  await run('live', { ...sleep, resources });
  const resizePolicy = [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }];
  await run('restarts', { ...sleep, resources, resizePolicy });
  await run('wasm', { image: wasm, args: ['wait'], resources });
  await run('waits', { ...sleep, resources });
  await cluster.kubectl.ok('wait --for=condition=Ready pod --all --timeout=60s');
});

t.test('CPU and memory change while the container runs', async (t) => {
  const before = await container('live');
  t.match(before, { allocatedResources: { cpu: '100m' }, resources: { limits: { memory: '64Mi' } } });
  const wanted = { requests: { cpu: '150m' }, limits: { cpu: '300m', memory: '128Mi' } };
  await resize('live', wanted);
  await has('live', '{.status.containerStatuses[0].resources.limits.memory}', '128Mi');
  t.match(await container('live'), {
    ...{ restartCount: 0, containerID: before.containerID },
    ...{ allocatedResources: { cpu: '150m', memory: '32Mi' }, resources: { limits: { cpu: '300m' } } },
  });
  const { HostConfig } = await openEngine(engineAddress()).getContainer(idOf(before)).inspect();
  t.match(HostConfig, { Memory: 128 * 2 ** 20, CpuQuota: 30_000 }, 'the engine knows');
  t.match(await conditions('live'), { PodResizePending: undefined, PodResizeInProgress: undefined });
});

t.test('a container that has to restart for it', async (t) => {
  await resize('restarts', { limits: { cpu: '250m' } });
  await has('restarts', '{.status.containerStatuses[0].resources.limits.cpu}', '250m');
  t.equal((await container('restarts')).restartCount, 0, 'not for CPU');
  await resize('restarts', { limits: { memory: '96Mi' } });
  await has('restarts', '{.status.containerStatuses[0].resources.limits.memory}', '96Mi');
  const now = await container('restarts');
  t.equal(now.restartCount, 1);
  const { HostConfig } = await openEngine(engineAddress()).getContainer(idOf(now)).inspect();
  t.equal(HostConfig.Memory, 96 * 2 ** 20);
});

t.test('what the node does not have, or not now', async (t) => {
  const { kubectl } = cluster;
  await resize('live', { requests: { cpu: '1000' }, limits: { cpu: '1000' } });
  await has('live', '{.status.conditions[?(@.type=="PodResizePending")].reason}', 'Infeasible');
  t.match((await conditions('live'))['PodResizePending'], {
    status: 'True',
    message: /^Node didn't have enough capacity: cpu, requested: 1000000, capacity: \d+$/,
  });
  t.match(await container('live'), { resources: { requests: { cpu: '150m' } } }, 'it keeps what it had');
  const cpus = Number(await kubectl.ok('get node node-1 -o jsonpath={.status.capacity.cpu}'));
  const most = `${cpus * 1000 - 200}m`;
  await resize('live', { requests: { cpu: most }, limits: { cpu: most } });
  await has('live', '{.status.conditions[?(@.type=="PodResizePending")].reason}', 'Deferred');
  t.match((await conditions('live'))['PodResizePending'], {
    message: /^Node didn't have enough resource: cpu, requested: \d+, used: 300, capacity: \d+$/,
  });
  await kubectl.ok('delete pod waits --grace-period=0 --force');
  await kubectl.ok('delete pod restarts --grace-period=0 --force');
  await has('live', '{.status.containerStatuses[0].resources.requests.cpu}', most);
  t.match(await conditions('live'), { PodResizePending: undefined }, 'room was made');
  t.match(
    await kubectl.ok('get events'),
    /ResizeInfeasible[\s\S]*ResizeDeferred|ResizeDeferred[\s\S]*ResizeInfeasible/,
  );
});

t.test('a WebAssembly guest', async (t) => {
  await resize('wasm', { limits: { cpu: '250m' } });
  await has('wasm', '{.status.containerStatuses[0].resources.limits.cpu}', '250m');
  await resize('wasm', { limits: { memory: '128Mi' } });
  await has('wasm', '{.status.conditions[?(@.type=="PodResizePending")].reason}', 'Infeasible');
  t.match((await conditions('wasm'))['PodResizePending'], {
    message: /fixed at its start: set the resizePolicy/,
  });
  await resize('wasm', { limits: { memory: '64Mi' } });
  await until('it is as asked', 30_000, async () => !(await conditions('wasm'))['PodResizePending']);
});

t.test('what may not be asked for', async (t) => {
  const { kubectl } = cluster;
  const refused = async (change: object, message: RegExp) =>
    t.match(await patch('wasm', change), { code: 1, stderr: message });
  await refused(
    { resources: { limits: { memory: null } } },
    /resources\.limits: Forbidden: resource limits cannot be removed/,
  );
  await refused(
    { resources: { requests: { 'ephemeral-storage': '1Gi' } } },
    /only cpu and memory resources are mutable/,
  );
  await refused(
    { resources: { requests: { cpu: '250m', memory: '64Mi' }, limits: { cpu: '250m', memory: '64Mi' } } },
    /Pod QOS Class may not change as a result of resizing/,
  );
  const direct = { spec: { containers: [{ name: 'main', resources: { limits: { cpu: '260m' } } }] } };
  t.match(await kubectl(['patch', 'pod', 'wasm', '-p', JSON.stringify(direct)]), {
    code: 1,
    stderr: /pod updates may not change fields other than/,
  });
  process.env['KUBE_EDITOR'] = 'sed -i s/250m/260m/';
  const edited = await kubectl('edit pod wasm --subresource=resize');
  t.equal(edited.code, 0, edited.stderr);
  await has('wasm', '{.status.containerStatuses[0].resources.limits.cpu}', '260m');
});

async function run(name: string, main: object): Promise<void> {
  const spec = { terminationGracePeriodSeconds: 0, containers: [{ name: 'main', ...main }] };
  await cluster.kubectl.ok(
    'create -f -',
    JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec }),
  );
}

function patch(pod: string, change: object) {
  const body = JSON.stringify({ spec: { containers: [{ name: 'main', ...change }] } });
  return cluster.kubectl(['patch', 'pod', pod, '--subresource', 'resize', '-p', body]);
}

async function resize(pod: string, resources: object): Promise<void> {
  const { code, stderr } = await patch(pod, { resources });
  if (code !== 0) throw new Error(stderr);
}

async function has(pod: string, path: string, value: string): Promise<void> {
  await cluster.kubectl.ok(['wait', 'pod', pod, `--for=jsonpath=${path}=${value}`, '--timeout=30s']);
}

interface Status {
  containerID: string;
  restartCount: number;
}

async function read(pod: string) {
  const { status } = JSON.parse(await cluster.kubectl.ok(`get pod ${pod} -o json`));
  return status as { containerStatuses: Status[]; conditions: { type: string }[] };
}

async function container(pod: string): Promise<Status> {
  return (await read(pod)).containerStatuses[0]!;
}

async function conditions(pod: string): Promise<Record<string, object | undefined>> {
  return Object.fromEntries((await read(pod)).conditions.map((each) => [each.type, each]));
}

function idOf({ containerID }: Status): string {
  return containerID.slice('docker://'.length);
}
