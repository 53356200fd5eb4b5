import {
  Deployments,
  EndpointSlices,
  Events,
  findCondition,
  isPodActive,
  isPodReady,
  Pods,
  ReplicaSets,
  Services,
} from 'orlop/plugin';
import t from 'tap';
import { eventually } from '../../cluster.ts';
import {
  CONTROLLERS,
  controlPlane,
  createNamespace,
  podsIn,
  recordPods,
  replicaSetsIn,
  rolledOut,
  standInNode,
  webDeployment,
} from './cluster.ts';

t.test('a Deployment from creation to roll-back', { timeout: 120_000 }, async (t) => {
  const kernel = await controlPlane(t);
  const { objects } = kernel;
  await standInNode(t, kernel, 'a');
  await standInNode(t, kernel, 'bb');

  await t.test('it makes a ReplicaSet, which makes pods, which are spread over the nodes', async (t) => {
    const namespace = await createNamespace(kernel, 'create');
    await objects.create(Deployments, webDeployment(namespace, 4));
    const deployment = await rolledOut(kernel, namespace, 4);
    t.equal(findCondition(deployment.status?.conditions, 'Available')?.status, 'True');
    await eventually('the roll-out is complete', async () => {
      const { value } = (await objects.get(Deployments, { namespace, name: 'web' }))!;
      return findCondition(value.status?.conditions, 'Progressing')?.reason === 'NewReplicaSetAvailable';
    });
    const [replicaSet, ...others] = await replicaSetsIn(kernel, namespace);
    t.equal(others.length, 0);
    t.match(replicaSet, {
      metadata: { ownerReferences: [{ kind: 'Deployment', name: 'web', controller: true }] },
      status: { replicas: 4, readyReplicas: 4, availableReplicas: 4, fullyLabeledReplicas: 4 },
    });
    const nodes = (await podsIn(kernel, namespace)).map((pod) => pod.spec?.nodeName).sort();
    t.strictSame(nodes, ['a', 'a', 'bb', 'bb']);
    const messages = await eventually('its events', async () => {
      const events = (await objects.list(Events, { namespace })).items.map((each) => each.value);
      const reasons = new Set(events.map((event) => event.reason));
      const all = ['ScalingReplicaSet', 'SuccessfulCreate', 'Scheduled'].every((each) => reasons.has(each));
      return all ? events : undefined;
    });
    t.match(
      messages.find((event) => event.reason === 'ScalingReplicaSet'),
      { message: `Scaled up replica set ${replicaSet?.metadata?.name} from 0 to 4`, type: 'Normal' },
    );
  });

  await t.test('it scales, and never makes a pod too many', async (t) => {
    const namespace = await createNamespace(kernel, 'scale');
    const record = await recordPods(t, kernel, namespace);
    await objects.create(Deployments, webDeployment(namespace, 1));
    await rolledOut(kernel, namespace, 1);
    for (const replicas of [7, 2, 0, 5]) {
      await objects.modify(Deployments, { namespace, name: 'web' }, (draft) => {
        draft.spec!.replicas = replicas;
      });
      await rolledOut(kernel, namespace, replicas);
    }
    t.equal(record.mostActive, 7);
  });

  await t.test('a pod that dies or is deleted is replaced', async (t) => {
    const namespace = await createNamespace(kernel, 'replace');
    await objects.create(Deployments, webDeployment(namespace, 2));
    await rolledOut(kernel, namespace, 2);
    const [first, second] = await podsIn(kernel, namespace);
    await objects.modify(Pods, { namespace, name: first!.metadata!.name! }, (draft) => {
      draft.status!.phase = 'Failed';
    });
    await objects.delete(Pods, { namespace, name: second!.metadata!.name! }, { gracePeriodSeconds: 30 });
    const replacements = await eventually('two new pods', async () => {
      const active = (await podsIn(kernel, namespace)).filter(isPodActive);
      const old = [first!.metadata!.uid, second!.metadata!.uid];
      const fresh = active.filter((pod) => !old.includes(pod.metadata!.uid) && isPodReady(pod));
      return fresh.length === 2 && active.length === 2 ? fresh : undefined;
    });
    t.equal(replacements.length, 2);
  });

  await t.test(
    'it rolls within its bounds, its Service always has endpoints, and it rolls back',
    async (t) => {
      const namespace = await createNamespace(kernel, 'roll');
      await objects.create(Services, {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'web', namespace },
        spec: { clusterIP: '10.96.0.9', selector: { app: 'web' }, ports: [{ port: 80, targetPort: 'http' }] },
      });
      const wish = webDeployment(namespace, 4);
      wish.spec!.strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } };
      await objects.create(Deployments, wish);
      await rolledOut(kernel, namespace, 4);
      const readyEndpoints = async (): Promise<string[]> => {
        const slices = (await objects.list(EndpointSlices, { namespace, revision: 0 })).items;
        return slices.flatMap(({ value }) =>
          value.endpoints.filter((each) => each.conditions?.ready).flatMap((each) => each.addresses),
        );
      };
      await eventually('four endpoints', async () => (await readyEndpoints()).length === 4);
      const [original] = await replicaSetsIn(kernel, namespace);

      const record = await recordPods(t, kernel, namespace);
      const change = async (image: string): Promise<void> => {
        await objects.modify(Deployments, { namespace, name: 'web' }, (draft) => {
          draft.spec!.template.spec!.containers[0]!.image = image;
        });
      };
      await change('web:2');
      await rolledOut(kernel, namespace, 4);
      t.ok(record.fewestReady >= 3, `one may be unavailable, never two: ${record.fewestReady} ready`);
      t.ok(record.mostActive <= 5, `one may be too many, never two: ${record.mostActive} active`);
      const images = (await podsIn(kernel, namespace))
        .filter(isPodActive)
        .map((pod) => pod.spec?.containers[0]?.image);
      t.strictSame(images, Array(4).fill('web:2'));
      await eventually('the Service has the new pods', async () => {
        const ips = (await podsIn(kernel, namespace)).filter(isPodActive).map((pod) => pod.status?.podIP);
        return (await readyEndpoints()).sort().join() === ips.sort().join();
      });

      await change('web:1');
      const back = await rolledOut(kernel, namespace, 4);
      t.equal(back.metadata?.annotations?.['deployment.kubernetes.io/revision'], '3');
      const again = (await replicaSetsIn(kernel, namespace)).find((each) => each.spec?.replicas === 4);
      t.equal(again?.metadata?.uid, original?.metadata?.uid, 'the old ReplicaSet is used again');
    },
  );

  await t.test('Recreate ends all old pods before the first new one starts', async (t) => {
    const namespace = await createNamespace(kernel, 'recreate');
    const wish = webDeployment(namespace, 3);
    wish.spec!.strategy = { type: 'Recreate' };
    await objects.create(Deployments, wish);
    await rolledOut(kernel, namespace, 3);
    const record = await recordPods(t, kernel, namespace);
    await objects.modify(Deployments, { namespace, name: 'web' }, (draft) => {
      draft.spec!.template.spec!.containers[0]!.image = 'web:2';
    });
    await rolledOut(kernel, namespace, 3);
    t.equal(record.imagesTogether, 1);
  });

  await t.test(
    'pods and ReplicaSets without controller are adopted, and released when relabelled',
    async (t) => {
      const namespace = await createNamespace(kernel, 'adopt');
      const { template } = webDeployment(namespace, 1).spec!;
      await objects.create(Pods, {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'stray', namespace, labels: { app: 'web' } },
        spec: template.spec!,
        status: { phase: 'Pending' },
      });
      await objects.create(ReplicaSets, {
        apiVersion: 'apps/v1',
        kind: 'ReplicaSet',
        metadata: { name: 'web', namespace },
        spec: { replicas: 1, selector: { matchLabels: { app: 'web' } }, template },
      });
      const stray = { namespace, name: 'stray' };
      await eventually('the pod is adopted', async () => {
        const pod = await objects.get(Pods, stray);
        return pod?.value.metadata?.ownerReferences?.[0]?.name === 'web';
      });
      t.equal((await podsIn(kernel, namespace)).length, 1, 'and no other is made');
      await objects.modify(Pods, stray, (draft) => {
        draft.metadata!.labels = { app: 'debugged' };
      });
      await eventually('the pod is released and replaced', async () => {
        const pod = await objects.get(Pods, stray);
        return (
          pod?.value.metadata?.ownerReferences === undefined && (await podsIn(kernel, namespace)).length === 2
        );
      });
    },
  );
});

t.test(
  'controllers are swapped in the middle of their work without a pod too many',
  { timeout: 120_000 },
  async (t) => {
    const kernel = await controlPlane(t);
    await standInNode(t, kernel, 'a');
    const namespace = await createNamespace(kernel, 'swap');
    await kernel.objects.create(Deployments, webDeployment(namespace, 1));
    await rolledOut(kernel, namespace, 1);
    const record = await recordPods(t, kernel, namespace);
    await kernel.objects.modify(Deployments, { namespace, name: 'web' }, (draft) => {
      draft.spec!.replicas = 40;
    });
    for (const each of CONTROLLERS) await kernel.swap(each.name, each);
    await rolledOut(kernel, namespace, 40);
    t.equal(record.mostActive, 40);
  },
);

t.test(
  'a restart of the control plane makes and deletes nothing by itself',
  { timeout: 120_000 },
  async (t) => {
    const first = await controlPlane(t);
    const namespace = await createNamespace(first, 'restart');
    await first.objects.create(Deployments, webDeployment(namespace, 3));
    await eventually('three pods', async () => (await podsIn(first, namespace)).length === 3);
    const before = (await podsIn(first, namespace)).map((pod) => pod.metadata?.uid);
    const kernel = await first.restart();
    const record = await recordPods(t, kernel, namespace);
    await kernel.objects.modify(Deployments, { namespace, name: 'web' }, (draft) => {
      draft.spec!.replicas = 5;
    });
    await eventually('five pods', async () => (await podsIn(kernel, namespace)).length === 5);
    const after = (await podsIn(kernel, namespace)).map((pod) => pod.metadata?.uid);
    t.strictSame(
      before.filter((uid) => !after.includes(uid)),
      [],
      'the first three are still there',
    );
    t.equal(record.mostActive, 5);
    await standInNode(t, kernel, 'late');
    await rolledOut(kernel, namespace, 5);
  },
);
