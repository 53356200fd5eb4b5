import {
  type BusClient,
  ConfigMaps,
  findCondition,
  Leases,
  Nodes,
  type ObjectClient,
  type Runtime,
} from 'orlop/plugin';
import { type Checks, eventually } from './checks.ts';
import { callsConformance } from './node-calls.ts';
import { NAMESPACE, NodePods } from './node-pods.ts';

export interface NodeFixture {
  /** The store of its cluster, without pods; nothing else runs on it but what the agent requires. */
  objects: ObjectClient;
  bus: BusClient;
  /** Name of the node that it stands for. */
  node: string;
  /** That of `runtimes/fake`, the only one there is: by annotations pods say how they fare. */
  runtime: Runtime;
  /** Swaps it for itself. */
  swap(): Promise<void>;
  /** Swaps it for what `idle` makes of it. What is returned brings it back. */
  away(): Promise<() => Promise<void>>;
}

/** The suite every plugin of kind `node.v1` passes: it provides no service, so its deeds are looked at. */
export async function nodeConformance(
  t: Checks,
  name: string,
  make: (t: Checks) => Promise<NodeFixture>,
): Promise<void> {
  await t.test(`${name}: conformance to node.v1`, async (t) => {
    const fixture = await make(t);
    const pods = new NodePods(fixture);
    const renewed = await registration(t, fixture);
    await pods.runtimeClass();
    await running(t, fixture, pods);
    await ending(t, pods);
    await waiting(t, pods);
    await deleted(t, pods);
    await callsConformance(t, fixture, await pods.ready('plain'));
    await eventually('its lease is renewed', renewed, 40_000);
    t.pass('its lease is renewed before it expires');
    await swapped(t, fixture, pods);
  });
}

/** Returns whether the lease has been renewed since. */
async function registration(t: Checks, { objects, node }: NodeFixture): Promise<() => Promise<boolean>> {
  const get = async () => (await objects.get(Nodes, { name: node }))?.value;
  const isReady = async () => findCondition((await get())?.status?.conditions, 'Ready')?.status === 'True';
  await eventually('the Node is there and ready', isReady);
  const { metadata, status } = (await get())!;
  t.equal(metadata?.labels?.['kubernetes.io/hostname'], node, 'the Node bears its name as label');
  for (const label of ['kubernetes.io/os', 'kubernetes.io/arch'])
    t.ok(metadata?.labels?.[label], `and says ${label}`);
  for (const each of [status?.capacity, status?.allocatable])
    for (const resource of ['cpu', 'memory', 'pods']) t.ok(each?.[resource], `how much ${resource} there is`);
  for (const type of ['InternalIP', 'Hostname'])
    t.ok(status?.addresses?.find((each) => each.type === type)?.address, `its address of type ${type}`);
  for (const type of ['MemoryPressure', 'DiskPressure', 'PIDPressure'])
    t.ok(findCondition(status?.conditions, type)?.status, `whether there is ${type}`);
  t.match(status?.nodeInfo, { kubeletVersion: String, containerRuntimeVersion: /^fake:/ }, 'what runs it');
  const lease = async () =>
    (await objects.get(Leases, { namespace: 'kube-node-lease', name: node }))?.value.spec;
  await eventually('there is a lease', lease);
  const before = (await lease())!;
  t.equal(before.holderIdentity, node, 'and it holds the lease of the node');
  t.ok(before.leaseDurationSeconds && before.renewTime, 'for a time');
  return async () => (await lease())?.renewTime !== before.renewTime;
}

async function running(t: Checks, { objects, node }: NodeFixture, pods: NodePods): Promise<void> {
  const uid = await pods.run('plain', {}, { log: 'one\ntwo' });
  await pods.run('elsewhere', { nodeName: 'another-node' });
  await pods.run('unbound', { nodeName: undefined });
  const { status, spec } = await pods.ready('plain');
  const hostIP = (await objects.get(Nodes, { name: node }))?.value.status?.addresses?.find(
    ({ type }) => type === 'InternalIP',
  )?.address;
  t.match(status, { phase: 'Running', hostIP: hostIP!, startTime: String }, 'a pod bound to the node runs');
  const sandbox = await pods.sandbox(uid);
  t.equal(status?.podIP, sandbox?.ip, 'its address is in its status');
  t.same(status?.podIPs, [{ ip: status?.podIP }]);
  t.match(
    status?.containerStatuses,
    [
      {
        name: 'main',
        ready: true,
        started: true,
        restartCount: 0,
        containerID: /^fake:\/\//,
        image: 'app:1',
      },
    ],
    'as is its container',
  );
  t.ok(status?.containerStatuses?.[0]?.state?.running?.startedAt, 'and since when it runs');
  for (const type of ['Initialized', 'ContainersReady', 'Ready'])
    t.equal(findCondition(status?.conditions, type)?.status, 'True', `it is ${type}`);
  t.match(spec, { nodeName: node, containers: [{ name: 'main', image: 'app:1' }] }, 'its spec is as it was');

  await pods.run('staged', { initContainers: [{ name: 'first', image: 'app:1' }] });
  t.match(
    (await pods.ready('staged')).status?.initContainerStatuses,
    [{ name: 'first', state: { terminated: { exitCode: 0 } } }],
    'init containers come first',
  );
  const probe = (program: string) => ({
    exec: { command: [program] },
    periodSeconds: 1,
    failureThreshold: 1,
  });
  const container = { name: 'main', image: 'app:1' };
  await pods.run('unready', { containers: [{ ...container, readinessProbe: probe('false') }] });
  await pods.run('sick', { containers: [{ ...container, livenessProbe: probe('false') }] });
  const unready = await pods.until('unready', 'runs', (pod) => pod.status?.phase === 'Running');
  t.not(
    findCondition(unready.status?.conditions, 'Ready')?.status,
    'True',
    'who fails its readiness probe is not ready',
  );
  await pods.until('sick', 'is restarted', (pod) => pods.main(pod)?.restartCount);
  t.pass('who fails its liveness probe is restarted');
  for (const name of ['staged', 'unready', 'sick']) await pods.forget(name);

  for (const name of ['elsewhere', 'unbound']) {
    const pod = await pods.get(name);
    t.same(pod?.status, { phase: 'Pending' }, 'pods of other nodes, or of none, are left alone');
    t.notOk(await pods.sandbox(pod?.metadata?.uid ?? ''));
  }
}

async function ending(t: Checks, pods: NodePods): Promise<void> {
  const run = (name: string, restartPolicy: string, code: number) =>
    pods.run(name, { restartPolicy }, { 'exit-code': String(code) });
  await run('done', 'Never', 0);
  await run('done-unless-failed', 'OnFailure', 0);
  await run('failed', 'Never', 3);
  await run('crashing', 'Always', 1);
  await run('failing', 'OnFailure', 1);
  for (const [name, phase, exitCode] of [
    ['done', 'Succeeded', 0],
    ['done-unless-failed', 'Succeeded', 0],
    ['failed', 'Failed', 3],
  ] as const) {
    const pod = await pods.until(name, `is ${phase}`, ({ status }) => status?.phase === phase);
    const { state, restartCount } = pods.main(pod)!;
    t.equal(state?.terminated?.exitCode, exitCode, `${name}: it ends as ${phase}, with its exit code`);
    t.equal(restartCount, 0, 'and is not restarted');
    t.not(findCondition(pod.status?.conditions, 'Ready')?.status, 'True', 'nor ready');
  }
  for (const name of ['crashing', 'failing']) {
    const pod = await pods.until(name, 'is held back', (each) => {
      const { state, restartCount = 0 } = pods.main(each) ?? {};
      return restartCount > 0 && state?.waiting?.reason === 'CrashLoopBackOff';
    });
    t.equal(pod.status?.phase, 'Running', `${name}: a container that fails again is in CrashLoopBackOff`);
    t.equal(pods.main(pod)?.lastState?.terminated?.exitCode, 1, 'and its last end is told');
  }
  for (const name of ['done', 'done-unless-failed', 'failed', 'crashing', 'failing']) await pods.forget(name);
}

async function waiting(t: Checks, pods: NodePods): Promise<void> {
  const configMapKeyRef = { name: 'later', key: 'level' };
  const env = [
    { name: 'LEVEL', valueFrom: { configMapKeyRef } },
    { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
    { name: 'BOTH', value: '$(LEVEL) at $(IP)' },
  ];
  const container = { name: 'main', image: 'app:1' };
  await pods.run('imageless', { containers: [{ ...container, image: 'missing/app:1' }] });
  await pods.run('classless', { runtimeClassName: 'conformance-none' });
  await pods.run('volumeless', { volumes: [{ name: 'v', iscsi: { iqn: 'i', lun: 0, targetPortal: 'p' } }] });
  await pods.run('unconfigured', { containers: [{ ...container, env }] });
  for (const [name, reasons] of [
    ['imageless', ['ErrImagePull', 'ImagePullBackOff']],
    ['unconfigured', ['CreateContainerConfigError']],
    ['classless', []],
    ['volumeless', []],
  ] as const) {
    const pod = await pods.until(name, 'says what it waits for', (each) => {
      const { reason = '' } = pods.main(each)?.state?.waiting ?? {};
      return reasons.length === 0 ? reason : reasons.some((one) => one === reason);
    });
    t.equal(pod.status?.phase, 'Pending', `${name}: it waits, and says for what`);
    t.not(findCondition(pod.status?.conditions, 'Ready')?.status, 'True');
  }
  await pods.objects.create(ConfigMaps, {
    metadata: { namespace: NAMESPACE, name: 'later' },
    data: { level: 'info' },
  });
  const { status } = await pods.ready('unconfigured');
  const environment = await pods.execute('unconfigured', ['env']);
  t.ok(
    environment.split('\n').includes(`BOTH=info at ${status?.podIP}`),
    'with what it waited for it starts, and has its environment',
  );
  for (const name of ['imageless', 'classless', 'volumeless', 'unconfigured']) await pods.forget(name);
}

async function deleted(t: Checks, pods: NodePods): Promise<void> {
  const slow = await pods.run('slow', {}, { 'term-after-ms': '400' });
  const stubborn = await pods.run('stubborn', {}, { 'term-after-ms': '600000' });
  const forced = await pods.run('forced');
  for (const name of ['slow', 'stubborn', 'forced']) await pods.ready(name);
  const asked = performance.now();
  await pods.delete('slow', 600);
  await pods.delete('stubborn', 1);
  await pods.delete('forced', 0);
  const ended = async (name: string, uid: string): Promise<void> => {
    await pods.gone(name);
    t.notOk(await pods.isRunning(uid), `${name}: a deleted pod goes when its containers have ended`);
  };
  await ended('slow', slow);
  t.ok(performance.now() - asked >= 400, 'for which they have the time they take');
  await ended('stubborn', stubborn);
  t.ok(performance.now() - asked >= 1_000, 'up to the grace period');
  await eventually('what was deleted by force ends', async () => !(await pods.isRunning(forced)));
  t.pass('one that was deleted by force ends all the same');
  for (const uid of [slow, stubborn, forced])
    await eventually('nothing is left of them', async () => !(await pods.sandbox(uid)));
}

async function swapped(t: Checks, { objects, node, swap, away }: NodeFixture, pods: NodePods): Promise<void> {
  await objects.modify(Nodes, { name: node }, (draft) => {
    draft.spec = { ...draft.spec, unschedulable: true };
    draft.metadata!.labels = { ...draft.metadata?.labels, disk: 'ssd' };
  });
  const uid = (await pods.get('plain'))?.metadata?.uid ?? '';
  const before = await pods.sandbox(uid);
  await pods.run('ending', {}, { 'term-after-ms': '100' });
  await pods.ready('ending');
  await swap();
  const back = await away();
  await pods.run('meanwhile');
  await pods.delete('ending', 30);
  await back();
  await pods.ready('meanwhile');
  t.pass('what was bound while it was away runs when it is back');
  await pods.gone('ending');
  t.pass('what was deleted meanwhile ends');
  const after = await pods.sandbox(uid);
  t.equal(after?.id, before?.id, 'a swap leaves running pods alone');
  t.same(
    after?.containers.map(({ id, state }) => [id, state]),
    before?.containers.map(({ id, state }) => [id, state]),
  );
  const pod = await pods.ready('plain');
  t.equal(pods.main(pod)?.restartCount, 0, 'and restarts nothing');
  const found = (await objects.get(Nodes, { name: node }))?.value;
  t.match(
    [found?.spec?.unschedulable, found?.metadata?.labels?.['disk']],
    [true, 'ssd'],
    'what others say of the Node stays',
  );
  for (const name of ['plain', 'meanwhile']) await pods.forget(name);
}
