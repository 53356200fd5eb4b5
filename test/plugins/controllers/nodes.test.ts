import {
  Deployments,
  Events,
  findCondition,
  isPodActive,
  isPodReady,
  Leases,
  microTimestamp,
  Nodes,
  Pods,
} from 'orlop/plugin';
import t from 'tap';
import { eventually } from '../../cluster.ts';
import { controlPlane, createNamespace, podsIn, rolledOut, standInNode, webDeployment } from './cluster.ts';

t.test('nodes that come, fall silent and go', { timeout: 120_000 }, async (whole) => {
  const t = whole;
  const kernel = await controlPlane(t, { 'node-lifecycle-controller': { nodeMonitorGracePeriodSeconds: 3 } });
  const { objects } = kernel;
  const namespace = await createNamespace(kernel, 'work');
  let silenceLarge = (): void => undefined;

  await t.test('a pod waits, with the reason, until a node has room', async (t) => {
    const wish = webDeployment(namespace, 1);
    wish.spec!.template.spec!.containers[0]!.resources = { requests: { cpu: '100' } };
    await objects.create(Deployments, wish);
    const refused = async (): Promise<string | undefined> => {
      const [pod] = await podsIn(kernel, namespace);
      return findCondition(pod?.status?.conditions, 'PodScheduled')?.message;
    };
    await eventually('no node', async () => (await refused()) === 'no nodes available to schedule pods');
    await standInNode(whole, kernel, 'small', '2');
    const message = '0/1 nodes are available: 1 Insufficient cpu.';
    await eventually('no room', async () => (await refused()) === message);
    await eventually('the event', async () => {
      const events = (await objects.list(Events, { namespace })).items;
      return events.some(({ value }) => value.reason === 'FailedScheduling' && value.message === message);
    });
    silenceLarge = await standInNode(whole, kernel, 'large', '200');
    await rolledOut(kernel, namespace, 1);
    const [pod] = await podsIn(kernel, namespace);
    t.equal(pod?.spec?.nodeName, 'large');
    t.equal(findCondition(pod?.status?.conditions, 'PodScheduled')?.status, 'True');
  });

  await t.test('a silent node is not ready, nor are its pods; one that speaks is again', async (t) => {
    silenceLarge();
    await eventually('the node is Unknown', async () => {
      const node = await objects.get(Nodes, { name: 'large' });
      return findCondition(node?.value.status?.conditions, 'Ready')?.status === 'Unknown';
    });
    const tainted = await eventually('it is tainted', async () => {
      const taints = (await objects.get(Nodes, { name: 'large' }))?.value.spec?.taints;
      return taints?.length === 2 ? taints : undefined;
    });
    t.strictSame(
      tainted.map((taint) => `${taint.key}:${taint.effect}`),
      ['node.kubernetes.io/unreachable:NoSchedule', 'node.kubernetes.io/unreachable:NoExecute'],
    );
    await eventually('its pod is not ready', async () => {
      const [pod] = await podsIn(kernel, namespace);
      return pod && !isPodReady(pod);
    });
    await objects.modify(Leases, { namespace: 'kube-node-lease', name: 'large' }, (draft) => {
      draft.spec = { renewTime: microTimestamp() };
    });
    await objects.modify(Nodes, { name: 'large' }, (draft) => {
      draft.status!.conditions = [{ type: 'Ready', status: 'True' }];
    });
    await eventually('the taints are gone', async () => {
      return (await objects.get(Nodes, { name: 'large' }))?.value.spec?.taints?.length === 0;
    });
  });

  await t.test('the pods of a node that is gone go, and are replaced elsewhere', async () => {
    const [before] = await podsIn(kernel, namespace);
    await objects.delete(Nodes, { name: 'large' });
    await eventually('the pod is gone', async () => {
      const pods = await podsIn(kernel, namespace);
      return pods.every((pod) => pod.metadata?.uid !== before!.metadata?.uid) && pods.some(isPodActive);
    });
  });

  await t.test('a pod bound by hand, or for another scheduler, is left alone', async (t) => {
    await standInNode(t, kernel, 'fresh');
    const make = (name: string, spec: object) =>
      objects.create(Pods, {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, namespace },
        spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
        status: { phase: 'Pending' },
      });
    await make('theirs', { schedulerName: 'other' });
    await make('gated', { schedulingGates: [{ name: 'example.com/wait' }] });
    await make('ours', {});
    const nodeOf = async (name: string) =>
      (await objects.get(Pods, { namespace, name }))?.value.spec?.nodeName;
    await eventually('ours is bound', () => nodeOf('ours'));
    t.equal(await nodeOf('theirs'), undefined);
    t.equal(await nodeOf('gated'), undefined);
    await objects.modify(Pods, { namespace, name: 'gated' }, (draft) => {
      delete draft.spec!.schedulingGates;
    });
    await eventually('the gate was taken away', () => nodeOf('gated'));
  });
});
