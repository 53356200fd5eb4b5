/** Ephemeral containers, with the real kubectl and a Docker engine. */
import t from 'tap';
import { type Running, until, up, upWith } from './orlop.ts';

const IMAGE = 'busybox:1.36';
const POD = `
apiVersion: v1
kind: Pod
metadata:
  name: box
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: main
    image: ${IMAGE}
    command: [sleep, "100001"]
  - name: other
    image: ${IMAGE}
    command: [sleep, "100002"]
`;

let cluster: Running;
t.before(async () => {
  cluster = await upWith(t, POD, IMAGE);
});

t.test('kubectl debug of a container', async (t) => {
  const { kubectl } = cluster;
  const debug = ['debug', 'box', '-i', `--image=${IMAGE}`, '--target=main', '-c', 'look', '--', 'sh'];
  const seen = await kubectl(debug, 'ps\nhostname\nexit 3\n');
  t.match(seen.stdout, /sleep 100001/, 'it sees the processes of its target');
  t.notMatch(seen.stdout, /sleep 100002/, 'and of no other');
  t.match(seen.stdout, /^box$/m, "and is in the pod's network");
  t.match(await kubectl.ok('logs box -c look'), /sleep 100001/);
  await kubectl.ok([
    ...['wait', 'pod/box', '--timeout=20s'],
    '--for=jsonpath={.status.ephemeralContainerStatuses[0].state.terminated.exitCode}=3',
  ]);
  const pod = await read();
  t.match(pod.status.ephemeralContainerStatuses[0], { name: 'look', restartCount: 0, ready: false });
  t.match(
    pod.status.conditions.find(({ type }) => type === 'Ready'),
    { status: 'True' },
  );
  t.match(pod.spec.ephemeralContainers[0], { targetContainerName: 'main', terminationMessagePolicy: 'File' });
});

t.test('one that runs on', async (t) => {
  const { kubectl } = cluster;
  await kubectl.ok(['debug', 'box', `--image=${IMAGE}`, '-c', 'stays', '--', 'sleep', '100003']);
  await until('it runs', 20_000, async () => (await kubectl('exec box -c stays -- true')).code === 0);
  const processes = await kubectl.ok('exec box -c stays -- ps');
  t.match(processes, /sleep 100003/);
  t.notMatch(processes, /sleep 100001/, 'without a target it is alone');
  t.match(await kubectl.ok('describe pod box'), /Ephemeral Containers:[\s\S]*stays:[\s\S]*Running/);
});

t.test('the subresource', async (t) => {
  const { kubectl } = cluster;
  const path = '/api/v1/namespaces/default/pods/box/ephemeralcontainers';
  const put = async (change: (pod: Shape) => void) => {
    const pod = JSON.parse(await kubectl.ok(['get', '--raw', path])) as Shape;
    change(pod);
    return await kubectl(['replace', '--raw', path, '-f', '-'], JSON.stringify(pod));
  };
  const refused = async (message: RegExp, change: (pod: Shape) => void) =>
    t.match(await put(change), { code: 1, stderr: message }, String(message));
  const add = (more: object) => (pod: Shape) =>
    void pod.spec.ephemeralContainers.push({ name: 'new', image: IMAGE, ...more });
  await refused(/existing ephemeral containers "look" may not be removed/, (pod) => {
    pod.spec.ephemeralContainers.shift();
  });
  await refused(/existing ephemeral containers "look" may not be changed/, (pod) => {
    pod.spec.ephemeralContainers[0]!['image'] = 'other';
  });
  await refused(
    /spec\.ephemeralContainers\[2\]\.ports: Forbidden: cannot be set for an Ephemeral/,
    add({ ports: [{ containerPort: 80 }] }),
  );
  await refused(
    /ephemeralContainers\[2\]\.targetContainerName: Not found: "none"/,
    add({ targetContainerName: 'none' }),
  );
  await refused(/ephemeralContainers\[2\]\.name: Duplicate value: "main"/, add({ name: 'main' }));
  const changed = await put((pod) => {
    pod.metadata['labels'] = { a: 'b' };
    pod.spec['terminationGracePeriodSeconds'] = 7;
  });
  t.equal(changed.code, 0, 'what is none of its business is left alone');
  t.match(await read(), { metadata: { labels: undefined }, spec: { terminationGracePeriodSeconds: 0 } });
  const created = `${POD.replace('name: box', 'name: early')}  ephemeralContainers: [{ name: a, image: b }]\n`;
  t.match(await kubectl('create -f -', created), {
    code: 1,
    stderr: /ephemeralContainers: Forbidden: cannot be set on create/,
  });
});

t.test('a restart of the agent starts none again', async (t) => {
  const { place: at } = cluster;
  await cluster.kill9();
  cluster = await up(t, at, '--no-hello');
  await until(
    'the node is back',
    30_000,
    async () => (await cluster.kubectl('exec box -c stays -- true')).code === 0,
  );
  const { status } = await read();
  t.match(status.ephemeralContainerStatuses, [
    { name: 'look', restartCount: 0, state: { terminated: { exitCode: 3 } } },
    { name: 'stays', restartCount: 0, state: { running: {} } },
  ]);
  await cluster.kubectl.ok('delete pod box --timeout=30s');
});

interface Shape {
  metadata: Record<string, unknown>;
  spec: Record<string, unknown> & { ephemeralContainers: Record<string, unknown>[] };
  status: {
    conditions: { type: string; status: string }[];
    ephemeralContainerStatuses: Record<string, unknown>[];
  };
}

async function read(): Promise<Shape> {
  return JSON.parse(await cluster.kubectl.ok('get pod box -o json')) as Shape;
}
