import { type Node, Nodes, type ObjectClient, type Pod, Pods } from 'orlop/plugin';
import { type Checks, eventually } from './checks.ts';

export interface SchedulerFixture {
  /** The store of the cluster it schedules, without nodes and pods; nothing else runs on it. */
  objects: ObjectClient;
}

const NAMESPACE = 'conformance';

/** The suite every plugin of kind `scheduler.v1` passes: it provides no service, so its deeds are looked at. */
export async function schedulerConformance(
  t: Checks,
  name: string,
  make: (t: Checks) => Promise<SchedulerFixture>,
): Promise<void> {
  await t.test(`${name}: conformance to scheduler.v1`, async (t) => {
    const { objects } = await make(t);
    const nodeOf = async (name: string): Promise<string | undefined> =>
      (await objects.get(Pods, { namespace: NAMESPACE, name }))?.value.spec?.nodeName;
    const bound = (name: string): Promise<void> => eventually(`pod ${name} is bound`, () => nodeOf(name));

    await objects.create(Pods, pod('waits'));
    await objects.create(Nodes, node('closed', { unschedulable: true }));
    await objects.create(Pods, { ...pod('placed'), spec: { ...pod('placed').spec!, nodeName: 'elsewhere' } });
    await objects.create(Nodes, node('open', {}));
    await bound('waits');
    t.equal(await nodeOf('waits'), 'open', 'a pod waits for a node, and none goes to a cordoned one');
    t.equal(await nodeOf('placed'), 'elsewhere', 'a pod that has a node keeps it');

    await objects.create(Nodes, node('second', {}));
    const names = Array.from({ length: 20 }, (_, index) => `p-${index}`);
    for (const each of names) await objects.create(Pods, pod(each));
    for (const each of names) await bound(each);
    const places = await Promise.all(names.map(nodeOf));
    t.ok(
      places.every((place) => place === 'open' || place === 'second'),
      'twenty more are bound, to open nodes only',
    );
    const before = (await objects.get(Pods, { namespace: NAMESPACE, name: 'p-0' }))!.value;
    t.match(before.spec?.containers[0], { name: 'main', image: 'i' }, 'a bound pod is otherwise as it was');

    for (const each of ['waits', 'placed', ...names])
      await objects.delete(Pods, { namespace: NAMESPACE, name: each });
    await objects.create(Pods, pod('last'));
    await bound('last');
    const left = (await objects.list(Pods)).items.map(({ key }) => key.name);
    t.same(left, ['last'], 'deleted pods stay deleted');
  });
}

function pod(name: string): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: NAMESPACE },
    spec: { containers: [{ name: 'main', image: 'i' }], schedulerName: 'default-scheduler' },
    status: { phase: 'Pending' },
  };
}

function node(name: string, spec: NonNullable<Node['spec']>): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { 'kubernetes.io/hostname': name } },
    spec,
    status: {
      allocatable: { cpu: '16', memory: '64Gi', pods: '110' },
      conditions: [{ type: 'Ready', status: 'True' }],
    },
  };
}
