import { once } from 'node:events';
import { readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import {
  ConfigMaps,
  type Json,
  Leases,
  type LogsParams,
  Nodes,
  nodeSubject,
  Pods,
  RuntimeClasses,
  Secrets,
} from 'orlop/plugin';
import t from 'tap';
import { eventually } from '../../cluster.ts';
import { testdir } from '../../testdir.ts';
import { nodeCluster } from './cluster.ts';

const cluster = await nodeCluster(t);
const { kernel, runtime } = cluster;

t.test('the node is registered', async (t) => {
  const node = await kernel.objects.get(Nodes, { name: 'n1' });
  t.match(node?.value, {
    metadata: { labels: { 'kubernetes.io/hostname': 'n1', 'kubernetes.io/os': 'linux' } },
    spec: { podCIDR: '10.244.0.0/24' },
    status: {
      capacity: { cpu: /^\d+$/, memory: /^\d+Ki$/, 'ephemeral-storage': /^\d+Ki$/, pods: '110' },
      addresses: [
        { type: 'InternalIP', address: '10.0.0.1' },
        { type: 'Hostname', address: 'n1' },
      ],
      nodeInfo: { containerRuntimeVersion: 'fake://1.0.0' },
    },
  });
  t.ok(node!.value.status!.conditions!.some(({ type, status }) => type === 'Ready' && status === 'True'));
  const lease = await kernel.objects.get(Leases, { namespace: 'kube-node-lease', name: 'n1' });
  t.match(lease?.value.spec, { holderIdentity: 'n1', leaseDurationSeconds: 40 });
  t.equal((await kernel.objects.get(RuntimeClasses, { name: 'fake' }))?.value.handler, 'fake');
  const told = async () => (await cluster.events('n1')).map((text) => text.split(':')[0]).sort();
  await eventually('it is told', async () => (await told()).join() === 'NodeReady,Starting');
});

t.test('a pod runs, is told about, and is deleted', async (t) => {
  const uid = await cluster.run('plain');
  const pod = await cluster.ready('plain');
  t.match(pod.status, {
    phase: 'Running',
    podIP: /^10\.244\.0\./,
    hostIP: '10.0.0.1',
    startTime: String,
    qosClass: 'BestEffort',
    containerStatuses: [
      { name: 'main', ready: true, restartCount: 0, containerID: /^fake:\/\//, imageID: 'fake://app:1' },
    ],
  });
  const reasons = (await cluster.events('plain')).map((text) => text.split(':')[0]);
  for (const reason of ['Pulled', 'Created', 'Started']) t.ok(reasons.includes(reason), reason);
  await cluster.delete('plain');
  await cluster.gone('plain');
  t.notOk(runtime.container(uid, 'main'));
  t.notOk(cluster.addresses.has(uid), 'its address is free');
  t.same(await runtime.listPodSandbox(), []);
});

t.test('containers that end', async (t) => {
  await cluster.run('done', { restartPolicy: 'Never' }, { 'exit-code': '0' });
  const done = await cluster.until('done', 'succeeds', (pod) => pod.status?.phase === 'Succeeded');
  t.match(done.status!.containerStatuses![0]!.state, { terminated: { exitCode: 0, reason: 'Completed' } });
  await cluster.run('failed', { restartPolicy: 'Never' }, { 'exit-code': '3' });
  const failed = await cluster.until('failed', 'fails', (pod) => pod.status?.phase === 'Failed');
  t.match(failed.status!.containerStatuses![0]!.state, { terminated: { exitCode: 3, reason: 'Error' } });
  await cluster.run('crashing', {}, { 'exit-code': '1' });
  const crashing = await cluster.until('crashing', 'crash-loops', (pod) => {
    const status = pod.status?.containerStatuses?.[0];
    return status?.state?.waiting?.reason === 'CrashLoopBackOff' && status.restartCount >= 2;
  });
  t.equal(crashing.status!.phase, 'Running');
  t.match(crashing.status!.containerStatuses![0]!.lastState, { terminated: { exitCode: 1 } });
  const backOff = `BackOff: Back-off restarting failed container main in pod crashing_default(${crashing.metadata!.uid})`;
  await eventually('it is told', async () => (await cluster.events('crashing')).includes(backOff));
  for (const name of ['done', 'failed', 'crashing']) {
    await cluster.delete(name, 0);
    await cluster.gone(name);
  }
  await eventually('all sandboxes are gone', async () => (await runtime.listPodSandbox()).length === 0);
});

t.test('init containers and sidecars', async (t) => {
  const uid = await cluster.run('staged', {
    initContainers: [
      { name: 'first', image: 'app:1' },
      { name: 'side', image: 'app:1', restartPolicy: 'Always' },
    ],
    restartPolicy: 'Never',
  });
  const pod = await cluster.ready('staged');
  t.match(pod.status!.initContainerStatuses, [
    { name: 'first', ready: true, state: { terminated: { reason: 'Completed' } } },
    { name: 'side', ready: true, state: { running: {} } },
  ]);
  runtime.container(uid, 'main')!.exit(0);
  const done = await cluster.until('staged', 'succeeds', ({ status }) => status?.phase === 'Succeeded');
  t.ok(done.status!.initContainerStatuses![1]!.state!.terminated, 'the sidecar ends with it');
});

t.test('environment and files from ConfigMaps and Secrets', async (t) => {
  const uid = await cluster.run('configured', {
    containers: [
      {
        name: 'main',
        image: 'app:1',
        envFrom: [{ configMapRef: { name: 'app' } }],
        env: [
          { name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'key', key: 'password' } } },
          { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
          { name: 'GREETING', value: 'hello $(LEVEL)' },
        ],
        volumeMounts: [
          { name: 'config', mountPath: '/etc/app' },
          { name: 'scratch', mountPath: '/scratch' },
        ],
      },
    ],
    volumes: [
      { name: 'config', configMap: { name: 'app' } },
      { name: 'scratch', emptyDir: {} },
    ],
  });
  await eventually('the missing ConfigMap is told', async () =>
    (await cluster.events('configured')).some((text) => text.startsWith('FailedMount')),
  );
  await kernel.objects.create(ConfigMaps, {
    metadata: { namespace: 'default', name: 'app' },
    data: { LEVEL: 'info' },
  });
  await cluster.until('configured', 'waits for its Secret', (pod) => {
    const waiting = pod.status?.containerStatuses?.[0]?.state?.waiting;
    return waiting?.reason === 'CreateContainerConfigError' && waiting.message === 'secret "key" not found';
  });
  await kernel.objects.create(Secrets, {
    metadata: { namespace: 'default', name: 'key' },
    data: { password: Buffer.from('s3cret').toString('base64') },
  });
  const pod = await cluster.ready('configured');
  const { config } = runtime.container(uid, 'main')!;
  const env = Object.fromEntries(config.env.map(({ name, value }) => [name, value]));
  t.match(env, { LEVEL: 'info', PASSWORD: 's3cret', IP: pod.status!.podIP!, GREETING: 'hello info' });
  const mounted = config.mounts.find(({ containerPath }) => containerPath === '/etc/app')!.hostPath;
  t.equal(readFileSync(join(mounted, 'LEVEL'), 'utf8'), 'info');
  await kernel.objects.modify(ConfigMaps, { namespace: 'default', name: 'app' }, (draft) => {
    draft.data!['LEVEL'] = 'debug';
  });
  await eventually('the file follows', () => readFileSync(join(mounted, 'LEVEL'), 'utf8') === 'debug');
});

t.test('probes', async (t) => {
  const folder = testdir(t, { healthy: 'yes' });
  const probe = { exec: { command: ['cat', '/state/healthy'] }, periodSeconds: 0.05, failureThreshold: 2 };
  const mount = { name: 'state', mountPath: '/state' };
  const volumes = [{ name: 'state', hostPath: { path: folder, type: 'Directory' } }];
  const http = { httpGet: { path: '/', port: 80 }, periodSeconds: 0.05, failureThreshold: 1 };
  const uid = await cluster.run('probed', {
    containers: [
      {
        name: 'main',
        image: 'app:1',
        volumeMounts: [mount],
        startupProbe: probe,
        livenessProbe: probe,
        readinessProbe: http,
      },
    ],
    volumes,
  });
  await cluster.ready('probed');
  runtime.behave(uid, 'main', { httpStatus: 503 });
  await cluster.until(
    'probed',
    'is not ready',
    ({ status }) => status?.containerStatuses?.[0]?.ready === false,
  );
  await eventually('the probe is told', async () =>
    (await cluster.events('probed')).includes(
      'Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 503',
    ),
  );
  runtime.behave(uid, 'main', { httpStatus: 200 });
  await cluster.ready('probed');
  unlinkSync(join(folder, 'healthy'));
  await cluster.until(
    'probed',
    'is restarted',
    ({ status }) => (status?.containerStatuses?.[0]?.restartCount ?? 0) > 0,
  );
  writeFileSync(join(folder, 'healthy'), 'yes');
  const back = await cluster.ready('probed');
  t.ok(back.status!.containerStatuses![0]!.restartCount >= 1);
  t.ok(
    (await cluster.events('probed')).some((text) =>
      text.includes('failed liveness probe, will be restarted'),
    ),
  );
});

t.test('images and runtimes that are not there', async (t) => {
  await cluster.run('imageless', { containers: [{ name: 'main', image: 'missing/app:1' }] });
  await cluster.until('imageless', 'cannot be pulled', (pod) => {
    const waiting = pod.status?.containerStatuses?.[0]?.state?.waiting;
    return waiting?.reason === 'ErrImagePull';
  });
  await cluster.run('lost', { runtimeClassName: 'nowhere' });
  const lost = await cluster.until('lost', 'has no runtime', (pod) => {
    return pod.status?.containerStatuses?.[0]?.state?.waiting?.reason === 'CreatePodSandboxError';
  });
  t.equal(
    lost.status!.containerStatuses![0]!.state!.waiting!.message,
    'RuntimeClass "nowhere" not found; runtimes on this node: fake',
  );
  for (const name of ['imageless', 'lost']) {
    await cluster.delete(name);
    await cluster.gone(name);
  }
});

t.test('graceful termination', async (t) => {
  const lifecycle = { preStop: { exec: { command: ['echo', 'bye'] } } };
  const uid = await cluster.run(
    'slow',
    { containers: [{ name: 'main', image: 'app:1', lifecycle }] },
    { 'term-after-ms': '600000' },
  );
  await cluster.ready('slow');
  await cluster.delete('slow', 600);
  await eventually('it is being killed', async () =>
    (await cluster.events('slow')).includes('Killing: Stopping container main'),
  );
  t.ok(runtime.container(uid, 'main'), 'it may take its time');
  await cluster.delete('slow', 1);
  await cluster.gone('slow');
  t.notOk(runtime.container(uid, 'main'), 'or less of it');
});

t.test('a pod deleted by force', async (t) => {
  const uid = await cluster.run('forced');
  await cluster.ready('forced');
  await kernel.objects.delete(Pods, { namespace: 'default', name: 'forced' });
  const second = await cluster.run('forced');
  await cluster.ready('forced');
  await eventually('the first one ends', () => !runtime.container(uid, 'main'));
  t.ok(runtime.container(second, 'main'), 'its successor of the same name runs');
});

t.test('a sandbox that dies is replaced', async (t) => {
  const uid = await cluster.run('fragile');
  await cluster.ready('fragile');
  const sandbox = (await runtime.listPodSandbox()).find(({ podUid }) => podUid === uid)!;
  await runtime.stopPodSandbox(sandbox.id);
  const pod = await cluster.until('fragile', 'is back', ({ status }) => {
    const main = status?.containerStatuses?.[0];
    return main?.ready && main.restartCount === 1;
  });
  t.match(pod.status!.containerStatuses![0]!.lastState, { terminated: { exitCode: 137 } });
});

t.test('logs', async (t) => {
  const open = async (pod: string, more: Partial<LogsParams>) => {
    const params: LogsParams = {
      namespace: 'default',
      pod,
      container: 'main',
      follow: false,
      previous: false,
      timestamps: false,
      ...more,
    };
    const stream = await kernel.bus.openStream(nodeSubject('n1', 'logs'), params as unknown as Json);
    stream.end();
    return stream;
  };
  const logs = async (pod: string, more: Partial<LogsParams> = {}) => text(await open(pod, more));
  const uid = await cluster.run('chatty', {}, { log: 'one\ntwo\nthree' });
  await cluster.ready('chatty');
  t.equal(await logs('chatty'), 'one\ntwo\nthree\n');
  t.equal(await logs('chatty', { tailLines: 1 }), 'three\n');
  t.equal(await logs('chatty', { limitBytes: 5 }), 'one\nt');
  t.match(await logs('chatty', { timestamps: true, tailLines: 1 }), /^\d{4}-.*Z three\n$/);
  t.equal(await logs('chatty', { sinceTime: '2999-01-01T00:00:00Z' }), '');
  await t.rejects(logs('chatty', { previous: true }), {
    message: 'previous terminated container "main" in pod "chatty" not found',
  });
  const following = await open('chatty', { follow: true });
  let seen = '';
  following.on('data', (chunk) => {
    seen += chunk;
  });
  await eventually('the log is read', () => seen === 'one\ntwo\nthree\n');
  runtime.container(uid, 'main')!.log.append('stdout', 'four');
  runtime.container(uid, 'main')!.exit(1);
  await once(following, 'end');
  t.equal(seen, 'one\ntwo\nthree\nfour\n', 'follow ends with the container');
  await cluster.until(
    'chatty',
    'is restarted',
    ({ status }) => status?.containerStatuses?.[0]?.restartCount === 1,
  );
  await cluster.ready('chatty');
  t.equal(await logs('chatty', { previous: true }), 'one\ntwo\nthree\nfour\n');
  await t.rejects(logs('nobody'), { message: 'pods "nobody" not found' });
  await t.rejects(logs('chatty', { container: 'other' }), {
    message: /"other" is not valid for pod "chatty"/,
  });
  await t.rejects(logs('chatty', { uid: 'another' }), { name: 'StatusError' });
  await cluster.run('late', { containers: [{ name: 'main', image: 'missing/app:1' }] });
  await cluster.until(
    'late',
    'waits',
    ({ status }) => status?.containerStatuses?.[0]?.state?.waiting?.reason === 'ErrImagePull',
  );
  await t.rejects(logs('late'), {
    message: 'container "main" in pod "late" is waiting to start: ErrImagePull',
  });
});
