import t from 'tap';
import { FakeRuntime } from '../../runtimes/fake/runtime.ts';
import type { Checks } from '../conformance/checks.ts';
import { runtimeConformance } from '../conformance/runtime.ts';

const printing = (text: string) => ({
  image: 'app',
  annotations: { 'fake.orlop.dev/exit-code': '0', 'fake.orlop.dev/log': text },
});

runtimeConformance(t as unknown as Checks, 'fake', async (t) => {
  const runtime = new FakeRuntime();
  t.teardown(() => runtime.close());
  let addresses = 1;
  return {
    runtime,
    network: {
      bridge: { cidr: '10.244.0.128/25', gateway: '10.244.0.129' },
      address: () => `127.1.0.${addresses++}`,
    },
    missingImage: 'missing/app',
    workloads: {
      forever: { image: 'app' },
      succeeds: { image: 'app', annotations: { 'fake.orlop.dev/exit-code': '0' } },
      fails: { image: 'app', annotations: { 'fake.orlop.dev/exit-code': '3' } },
      prints: printing('one\ntwo\nthree'),
    },
    exec: {
      succeeds: ['true'],
      fails: ['false'],
      prints: { command: ['echo', 'hello'], stdout: 'hello\n' },
    },
  };
});

t.test('a fake container takes as long to end as it is told', async (t) => {
  const runtime = new FakeRuntime();
  t.teardown(() => runtime.close());
  const pod = {
    metadata: {
      name: 'p',
      namespace: 'd',
      uid: 'u',
      annotations: { 'c.fake.orlop.dev/term-after-ms': '60000' },
    },
    spec: { containers: [{ name: 'c', image: 'app' }] },
  };
  const bridge = { cidr: '10.0.0.0/24', gateway: '10.0.0.1' };
  const { id } = await runtime.runPodSandbox({ pod, ip: '10.0.0.2', bridge, hostname: 'p' });
  const container = pod.spec.containers[0]!;
  const config = {
    pod,
    container,
    attempt: 0,
    imageId: '',
    env: [],
    command: undefined,
    args: undefined,
    mounts: [],
  };
  const made = await runtime.createContainer(id, config);
  await runtime.startContainer(made.id);
  const slow = runtime.stopContainer(made.id, 600);
  await runtime.stopContainer(made.id, 0);
  await slow;
  t.match(
    await runtime.containerStatus(made.id),
    { state: 'Exited', exitCode: 137 },
    'the shorter timeout wins',
  );
});
